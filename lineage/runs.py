"""The history: what became of each run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ondevice_rec.lineage import facts, tfx_names
from ondevice_rec.lineage.graph import (
    ArtifactNode,
    ContextNode,
    Event,
    ExecutionNode,
)
from ondevice_rec.lineage.store import Store

_UNFINISHED = ("running", "new", "unknown")


@dataclass(frozen=True)
class Run:
    """A run of a pipeline.

    Attributes:
      name: The run, as its runner called it.
      pipeline: The pipeline, "" where no execution tells.
      started: Unix milliseconds.
      ended: Unix milliseconds of the last change.
      state: What became of it, in words.
      nodes: Node -> state of its last execution, in the order they began.
      executions: Node -> id of that execution.
      metrics: The model's, by name.
      version: The version that was pushed, or was found pushed already.
    """

    name: str
    pipeline: str
    started: int
    ended: int
    state: str
    nodes: Mapping[str, str]
    executions: Mapping[str, int]
    metrics: Mapping[str, float]
    version: str | None


def runs(store: Store) -> Iterator[Run]:
    """Every run, latest first.

    In a store that InteractiveContext wrote, all that was run by hand under one
    pipeline's name is one run of that name.
    """
    kind = _kind(store)
    for context in store.contexts_of_type(kind):
        yield _read(store, context)


def named(store: Store, name: str) -> Run | None:
    """The run of a name; None where there is none."""
    context = store.context(_kind(store), name)
    return None if context is None else _read(store, context)


def place(store: Store, execution: ExecutionNode) -> tuple[str, str, str]:
    """An execution's pipeline, run and node; "" for what the store does not tell.

    The node is the execution's type where there is no context for it.
    """
    names = {context.type: context.name for context in store.contexts_of(execution.id)}
    pipeline = names.get(tfx_names.PIPELINE, "")
    by_hand = names.get(tfx_names.INTERACTIVE_RUN)
    if by_hand is not None:
        # TFX calls a component's context "pipeline.time.component".
        node = names.get(tfx_names.INTERACTIVE_NODE, execution.type)
        return pipeline, pipeline, node.removeprefix(f"{by_hand}.")
    # TFX calls a node's context "pipeline.node".
    node = names.get(tfx_names.NODE, execution.type).removeprefix(f"{pipeline}.")
    return pipeline, names.get(tfx_names.RUN, ""), node


def metrics(evaluation: ArtifactNode) -> dict[str, float]:
    """The metrics of all queries: custom properties that are fractional numbers."""
    return {
        name: value
        for name, value in evaluation.properties.items()
        if isinstance(value, float)
    }


def _kind(store: Store) -> str:
    """Type of the contexts that stand for runs."""
    if next(store.contexts_of_type(tfx_names.RUN), None) is None:
        by_hand = next(store.contexts_of_type(tfx_names.INTERACTIVE_RUN), None)
        return tfx_names.RUN if by_hand is None else tfx_names.PIPELINE
    return tfx_names.RUN


def _read(store: Store, context: ContextNode) -> Run:
    executions = store.executions_of(context)
    pipeline = ""
    last: dict[str, ExecutionNode] = {}
    for execution in executions:
        pipeline, _, node = place(store, execution)
        # A retry stands where the first try stood.
        last[node] = execution
    ids = [execution.id for execution in last.values()]
    outputs = [e for e in store.events_of_executions(ids) if e.output]
    artifacts = {a.type: a for a in store.artifacts(e.artifact for e in outputs)}
    pushed = artifacts.get(tfx_names.PUSHED_MODEL)
    evaluation = artifacts.get(tfx_names.EVALUATION)
    found = metrics(evaluation) if evaluation else {}
    return Run(
        name=context.name,
        pipeline=pipeline,
        started=context.created,
        ended=max((e.ended for e in executions), default=context.created),
        state=_state(last, pushed, outputs),
        nodes={node: execution.state for node, execution in last.items()},
        executions={node: execution.id for node, execution in last.items()},
        metrics={
            name: value
            for name, value in found.items()
            if not name.startswith(facts.BASELINE_PREFIXES)
        },
        version=pushed.text(facts.PUSHED_VERSION) if pushed else None,
    )


def _state(
    last: Mapping[str, ExecutionNode],
    pushed: ArtifactNode | None,
    outputs: Sequence[Event],
) -> str:
    if not last:
        return "nothing ran"
    for wanted, words in (
        (("failed",), "failed at"),
        (("canceled",), "canceled at"),
        (_UNFINISHED, "running, or killed, at"),
    ):
        nodes = [node for node, e in last.items() if e.state in wanted]
        if nodes:
            return f"{words} {', '.join(nodes)}"
    if pushed is None:
        return f"ended after {list(last)[-1]}; nothing pushed"
    if pushed.number(facts.PUSHED) != 1:
        return "refused"
    pushers = {e.execution for e in outputs if e.artifact == pushed.id}
    if any(e.state == "cached" for e in last.values() if e.id in pushers):
        return "unchanged: pushed before"
    return "pushed"
