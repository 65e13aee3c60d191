"""Finds things by when they were made: ids grow with time.

ML Metadata answers what an artifact's events are only by handing over all of them: of
a schema that every nightly run takes from the cache, tens of thousands. What took it
from the cache began after it was made; what wrote it began before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from ondevice_rec.lineage import tfx_names
from ondevice_rec.lineage.graph import ArtifactNode, Event
from ondevice_rec.lineage.store import Store

# Executions that may have begun between a writer's beginning and its end.
_BEFORE = 64
# Artifacts around one that was registered about when a version was numbered.
_AROUND = 128


def first_since(
    created: Callable[[int], int | None], latest: int, moment: int
) -> int | None:
    """The first id that was made at a moment or later, by bisection.

    Args:
      created: When an id was made, in Unix milliseconds; None for an unknown id.
      latest: The largest id.
      moment: Unix milliseconds.

    Returns:
      The id, `latest` + 1 where all are older; None where an id is unknown.
    """
    low, high = 1, latest + 1
    while low < high:
        middle = (low + high) // 2
        when = created(middle)
        if when is None:
            return None
        if when < moment:
            low = middle + 1
        else:
            high = middle
    return low


def writers(store: Store, artifacts: Collection[ArtifactNode]) -> dict[int, Event]:
    """Artifact -> the event by which it was written.

    Looked for among the executions that began before it was made, else among all of
    its events.
    """
    found: dict[int, Event] = {}
    made = {artifact.id: artifact.created for artifact in artifacts}
    for artifact in sorted(artifacts, key=lambda each: -each.id):
        if artifact.id in found:
            continue
        before = _began_before(store, artifact.created)
        # Of one run, all are likely to be among the same executions.
        outputs = [
            event
            for event in store.events_of_executions(before)
            if event.output and event.artifact in made
        ]
        executions = store.executions({event.execution for event in outputs})
        began = {execution.id: execution.started for execution in executions}
        for event in outputs:
            if began[event.execution] > made[event.artifact]:
                # Took it from the cache.
                continue
            known = found.setdefault(event.artifact, event)
            if event.execution < known.execution:
                found[event.artifact] = event
    return found | store.writers(made.keys() - found.keys())


def pushed_versions(store: Store, version: int) -> list[ArtifactNode]:
    """Pushed models made about when a version was numbered, latest first.

    Versions are Unix seconds, as TFX's Pusher and ours number them; there may be none.
    """

    def created(artifact: int) -> int | None:
        return next((a.created for a in store.artifacts([artifact])), None)

    latest = store.latest_artifact()
    near = first_since(created, latest, version * 1000)
    if near is None:
        return []
    ids = range(max(near - _AROUND, 1), min(near + _AROUND, latest) + 1)
    pushed = [a for a in store.artifacts(ids) if a.type == tfx_names.PUSHED_MODEL]
    return sorted(pushed, key=lambda artifact: -artifact.id)


def _began_before(store: Store, moment: int) -> range:
    """Ids of the last executions that began before a moment."""

    def created(execution: int) -> int | None:
        return next((e.started for e in store.executions([execution])), None)

    after = first_since(created, store.latest_execution(), moment + 1)
    return range(max((after or 1) - _BEFORE, 1), after or 1)
