"""Models without weights, to hold a trained one against."""
