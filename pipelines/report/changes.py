"""What changed since the version before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ondevice_rec.lineage import diff, models, sections, tfx_names, trace
from ondevice_rec.lineage.diff import Change
from ondevice_rec.lineage.graph import ArtifactNode
from ondevice_rec.lineage.store import Store
from ondevice_rec.pipelines.report.missing import Missing
from ondevice_rec.pipelines.report.run_record import RunRecord
from ondevice_rec.schemas import facts

# Slices tell less than their plot, and are many.
_LEFT_OUT = (sections.SLICES,)


@dataclass(frozen=True)
class Changes:
    """What changed.

    Attributes:
      before: The version before.
      sections: Section -> what is not the same in it.
    """

    before: str
    sections: Mapping[str, Sequence[Change]]


def collect(store: Store, record: RunRecord) -> Changes:
    """Compares the pushed model with the one that was pushed before it.

    Raises:
      Missing: nothing was pushed, or nothing before it.
    """
    own = pushed(record)
    if own is None:
        raise Missing("This run pushed nothing that could be compared.")
    before = _before(store, own)
    if before is None:
        raise Missing("It is the first version: there is none before it.")
    changes = diff.diff(trace.trace(store, before), trace.trace(store, own))
    found = diff.by_section(c for c in changes if c.section not in _LEFT_OUT)
    return Changes(before.text(facts.PUSHED_VERSION) or f"#{before.id}", found)


def pushed(record: RunRecord) -> ArtifactNode | None:
    """The model that the run pushed."""
    found = record.outputs(tfx_names.PUSHED_MODEL)
    if not found or found[-1].number(facts.PUSHED) != 1:
        return None
    return found[-1]


def _before(store: Store, own: ArtifactNode) -> ArtifactNode | None:
    for artifact in models.pushed(store):
        if artifact.id < own.id:
            return store.artifacts([artifact.id])[0]
    return None
