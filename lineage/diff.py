"""What changed between two models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ondevice_rec.lineage import sections
from ondevice_rec.lineage.graph import Value
from ondevice_rec.lineage.trace import Trace


@dataclass(frozen=True)
class Change:
    """A fact that is not the same.

    Attributes:
      section: See `sections`.
      name: The fact.
      before: Its value for the first model; None where it is not recorded.
      after: For the second.
    """

    section: str
    name: str
    before: Value | bool | None
    after: Value | bool | None


def by_section(changes: Iterable[Change]) -> dict[str, list[Change]]:
    """The changes under the sections they belong to."""
    found: dict[str, list[Change]] = {}
    for change in changes:
        found.setdefault(change.section, []).append(change)
    return found


def diff(before: Trace, after: Trace) -> list[Change]:
    """Every fact that differs, by section, in the order of the first model's facts.

    Metrics of what each model was measured beside are left out: they are not its own.

    Args:
      before: One model.
      after: The other.
    """
    first, second = sections.sections(before), sections.sections(after)
    return [
        Change(section, name, first[section].get(name), second[section].get(name))
        for section in first
        if section != sections.BASELINES
        for name in {**first[section], **second[section]}
        if first[section].get(name) != second[section].get(name)
    ]
