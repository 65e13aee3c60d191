"""Changes between two models, as text."""

from __future__ import annotations

from collections.abc import Sequence

from ondevice_rec.lineage import wording
from ondevice_rec.lineage.diff import Change


def render(before: str, after: str, changes: Sequence[Change]) -> str:
    """A line for each change, under its section.

    Args:
      before: Name of the first model.
      after: Name of the second.
      changes: As `diff.diff` gives them.
    """
    if not changes:
        return f"{before} and {after} come from the same data, code and settings."
    lines = [f"{before} -> {after}"]
    section = None
    for change in changes:
        if change.section != section:
            section = change.section
            lines.append(section)
        lines.append(
            f"  {change.name}: {wording.value(change.before)} -> "
            f"{wording.value(change.after)}{_difference(change)}"
        )
    return "\n".join(lines)


def _difference(change: Change) -> str:
    before, after = change.before, change.after
    for value in (before, after):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return ""
    difference = after - before  # type: ignore[operator]
    return f" ({'+' if difference > 0 else ''}{wording.value(difference)})"
