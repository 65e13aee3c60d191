"""How lineage is shown: pure functions from facts and graphs to text."""
