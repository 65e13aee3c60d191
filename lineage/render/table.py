"""A trace as a table: section, fact, value."""

from __future__ import annotations

from collections.abc import Mapping

from ondevice_rec.lineage import wording
from ondevice_rec.lineage.sections import Facts


def render(found: Mapping[str, Facts]) -> str:
    """Every fact of every section, a line each."""
    rows = [
        (section, name, wording.value(value))
        for section, facts in found.items()
        for name, value in facts.items()
    ]
    return wording.text_table(("section", "fact", "value"), rows)
