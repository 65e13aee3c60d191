"""A run as ML Metadata knows it: components, what went in and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ondevice_rec.lineage import models, runs
from ondevice_rec.lineage.errors import LineageError
from ondevice_rec.lineage.graph import ArtifactNode, Event, ExecutionNode
from ondevice_rec.lineage.runs import Run
from ondevice_rec.lineage.store import Store
from ondevice_rec.pipelines.report.missing import Missing

_LISTED = 10


@dataclass(frozen=True)
class Node:
    """A component's part of a run.

    Attributes:
      name: The component.
      execution: Its last execution.
      inputs: Ids of the artifacts it read.
      outputs: What it wrote, or took from the cache.
    """

    name: str
    execution: ExecutionNode
    inputs: Sequence[int]
    outputs: Sequence[ArtifactNode]

    @property
    def state(self) -> str:
        return self.execution.state

    @property
    def seconds(self) -> float:
        return max(0, self.execution.ended - self.execution.started) / 1000


@dataclass(frozen=True)
class RunRecord:
    """A run.

    Attributes:
      run: What became of it.
      nodes: Its components, in the order they began.
    """

    run: Run
    nodes: Sequence[Node]

    def outputs(self, kind: str) -> list[ArtifactNode]:
        """Everything of a type that the run wrote."""
        return [a for node in self.nodes for a in node.outputs if a.type == kind]

    def artifact(self, kind: str) -> ArtifactNode:
        """The last artifact of a type.

        Raises:
          Missing: there is none; says why.
        """
        found = self.outputs(kind)
        if found:
            return found[-1]
        raise Missing(f"{self.why_not()} Nothing of the type {kind} was written.")

    def why_not(self) -> str:
        """Why something may not be there, in a sentence."""
        if not self.nodes:
            return "No component ran."
        state = self.run.state
        if state.startswith(("failed", "canceled")):
            return f"The run {state}."
        if state.startswith("running"):
            return f"The run has not come so far: it is {state}."
        return "This pipeline has no component that records it."


def read(store: Store, wanted: str | None = None) -> RunRecord | None:
    """Reads a run.

    Args:
      store: The store.
      wanted: A run's name, or a version that a run pushed; None for the latest run.

    Returns:
      The run; None where the store holds none and none was named.

    Raises:
      LineageError: there is no such run; the message lists the latest ones.
    """
    if wanted is None:
        latest = next(runs.runs(store), None)
        return None if latest is None else of_run(store, latest)
    found = runs.named(store, wanted) or _that_pushed(store, wanted)
    if found is None:
        names = [
            each.name for each, _ in zip(runs.runs(store), range(_LISTED), strict=False)
        ]
        raise LineageError(
            f"{store.name} holds no run {wanted!r}: it must be a run's name or a "
            f"pushed version. Runs, latest first: {', '.join(names) or 'none'}."
        )
    return of_run(store, found)


def of_run(store: Store, run: Run) -> RunRecord:
    """Reads what went into a run's components and came out of them."""
    executions = {e.id: e for e in store.executions(run.executions.values())}
    events = list(store.events_of_executions(executions))
    written = store.artifacts(e.artifact for e in events if e.output)
    artifacts = {artifact.id: artifact for artifact in written}
    return RunRecord(
        run,
        [
            _node(name, executions[execution], events, artifacts)
            for name, execution in run.executions.items()
        ],
    )


def _node(
    name: str,
    execution: ExecutionNode,
    events: Sequence[Event],
    artifacts: Mapping[int, ArtifactNode],
) -> Node:
    own = [event for event in events if event.execution == execution.id]
    read = {event.artifact for event in own if not event.output}
    wrote = sorted({event.artifact for event in own if event.output})
    return Node(
        name,
        execution,
        sorted(read),
        [artifacts[artifact] for artifact in wrote if artifact in artifacts],
    )


def _that_pushed(store: Store, version: str) -> Run | None:
    if not version.isdecimal():
        return None
    try:
        pushed = models.named(store, version)
    except LineageError:
        return None
    writer = store.writers([pushed.id]).get(pushed.id)
    execution = store.executions([writer.execution])[0] if writer else None
    name = runs.place(store, execution)[1] if execution else ""
    return runs.named(store, name) if name else None
