"""Everything made from a span of data, or from what an execution wrote."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ondevice_rec.lineage import facts, serving, tfx_names, walk
from ondevice_rec.lineage.errors import LineageError
from ondevice_rec.lineage.graph import ArtifactNode, Graph
from ondevice_rec.lineage.store import Store

# What a pushed version is now.
CURRENT = "current"
SUPERSEDED = "superseded"
REMOVED = "removed"


@dataclass(frozen=True)
class Version:
    """A pushed version that descends from the data.

    Attributes:
      version: Its number.
      destination: Its folder.
      artifact: Id of the PushedModel.
      state: "current": the one that its folder of versions serves; "superseded":
        there, but another one is served; "removed": not on this machine.
    """

    version: str
    destination: str
    artifact: int
    state: str


@dataclass(frozen=True)
class Impact:
    """What was made from some data.

    Attributes:
      roots: The executions that were asked for, or that read the span.
      versions: Pushed versions, latest first.
      graph: Every execution and artifact downstream, the roots included.
    """

    roots: Sequence[int]
    versions: Sequence[Version]
    graph: Graph


def of_span(store: Store, span: int) -> Impact:
    """What was made from a span, by whichever execution it was read.

    Raises:
      LineageError: no examples have this span; the message lists those there are.
    """
    known: set[int] = set()
    examples = []
    looked_at = (facts.SPAN, facts.SPANS)
    for artifact in store.artifacts_of_type(tfx_names.EXAMPLES, *looked_at):
        found = spans_read(artifact)
        known |= found
        if span in found:
            examples.append(artifact.id)
    if not examples:
        spans = ", ".join(map(str, sorted(known)[-20:])) or "none"
        raise LineageError(
            f"{store.name} has no examples of span {span}. The latest spans are: "
            f"{spans}."
        )
    return _impact(store, _writers(store, examples))


def spans_read(examples: ArtifactNode) -> set[int]:
    """The spans that examples hold: one, or all that were read together."""
    last = examples.number(facts.SPAN)
    try:
        several = json.loads(examples.text(facts.SPANS) or "[]")
        return {int(number) for number, _ in several} | (
            set() if last is None else {int(last)}
        )
    except (TypeError, ValueError):
        return set() if last is None else {int(last)}


def of_execution(store: Store, execution: int) -> Impact:
    """What was made from an execution's outputs.

    Raises:
      LineageError: there is no such execution.
    """
    if not store.executions([execution]):
        raise LineageError(
            f"{store.name} has no execution {execution}. `ondevice-rec lineage runs` "
            "with `--json` lists the executions of each run."
        )
    outputs = {e.artifact for e in store.events_of_executions([execution]) if e.output}
    # What was taken from the cache was made by an earlier execution.
    return _impact(store, _writers(store, outputs) or [execution])


def _writers(store: Store, artifacts: Iterable[int]) -> list[int]:
    return sorted({event.execution for event in store.writers(artifacts).values()})


def _impact(store: Store, roots: Sequence[int]) -> Impact:
    graph = walk.downstream(store, roots)
    pushed = reversed(graph.of_type(tfx_names.PUSHED_MODEL))
    versions = [_version(a) for a in pushed if a.number(facts.PUSHED) == 1]
    return Impact(roots, versions, graph)


def _version(artifact: ArtifactNode) -> Version:
    destination = artifact.text(facts.PUSHED_DESTINATION) or ""
    version = artifact.text(facts.PUSHED_VERSION) or ""
    if not os.path.isdir(destination):
        state = REMOVED
    elif version == serving.served(os.path.dirname(destination)):
        state = CURRENT
    else:
        state = SUPERSEDED
    return Version(version, destination, artifact.id, state)
