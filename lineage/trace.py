"""Where a pushed model came from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ondevice_rec.lineage import connection, facts, parameters, runs, tfx_names, walk
from ondevice_rec.lineage.graph import ArtifactNode, ExecutionNode, Graph, Value
from ondevice_rec.lineage.store import Store

_SPAN_COUNTS = (
    facts.SPAN,
    facts.VERSION,
    facts.ROWS_READ,
    facts.ROWS_REJECTED,
    facts.EVENTS,
    facts.USERS,
    facts.ITEMS,
)


@dataclass(frozen=True)
class Step:
    """An execution on the way to the model.

    Attributes:
      execution: Its id.
      node: The component's name in its pipeline.
      pipeline: The pipeline.
      run: The run that executed it; a later run may have taken it from its cache.
      state: See `ExecutionNode`.
      started: Unix milliseconds.
      ended: Unix milliseconds.
      user: Who ran it; None where not recorded, as of TFX's own components.
      host: On which machine.
      package_version: Of ondevice-rec.
      git_commit: Of ondevice-rec, where it ran from a checkout.
      tfx_version: Of TFX.
      parameters: What it was called with; see `parameters.flatten`.
    """

    execution: int
    node: str
    pipeline: str
    run: str
    state: str
    started: int
    ended: int
    user: str | None
    host: str | None
    package_version: str | None
    git_commit: str | None
    tfx_version: str | None
    parameters: Mapping[str, Value]


@dataclass(frozen=True)
class Span:
    """Input data, as one ExampleGen execution read it.

    Attributes:
      artifact: Id of the Examples.
      source: Path of the log, where recorded.
      facts: span, version, spans (all that were read together, the last is `span`),
        spans_left_out, input_fingerprint, rows_read, rows_rejected, events, users,
        items; what is not recorded is left out.
    """

    artifact: int
    source: str | None
    facts: Mapping[str, Value]


@dataclass(frozen=True)
class Trace:
    """A pushed model and all it came from.

    Attributes:
      pushed: Properties of the PushedModel: pushed_version, model_sha256, ...
      pushed_at: Unix milliseconds.
      model: Properties of the Model: epochs, steps, examples, seconds, ...
      spans: Every input span, oldest first.
      schema: schema_sha256 and columns (name -> type), "artifact" and "uri".
      vocabularies: Column -> {"size", "sha256"}.
      metrics: Of the model and, with the names of `facts.BASELINE_PREFIXES`, of those
        that were measured beside it.
      intervals: Metric -> lower and upper end of the model's 95 % interval.
      slices: Slice -> metric -> value.
      blessing: "blessed" (bool) and "reason" in words; empty without a blessing.
      steps: Every execution, in the order they began.
      graph: Artifacts and executions.
      absent: Ids of artifacts whose folders are not on this machine.
    """

    pushed: Mapping[str, Value]
    pushed_at: int
    model: Mapping[str, Value]
    spans: Sequence[Span]
    schema: Mapping[str, Any]
    vocabularies: Mapping[str, Mapping[str, Any]]
    metrics: Mapping[str, Value]
    intervals: Mapping[str, Sequence[float]]
    slices: Mapping[str, Mapping[str, float]]
    blessing: Mapping[str, Any]
    steps: Sequence[Step]
    graph: Graph
    absent: Sequence[int]


def trace(store: Store, pushed: ArtifactNode) -> Trace:
    """Follows a pushed model back to every input span.

    Args:
      store: The store it is in.
      pushed: Its artifact (see `models.find`).
    """
    graph = walk.upstream(store, [pushed.id])
    # What the pusher itself read: models may descend from earlier models.
    pusher = graph.producers().get(pushed.id)
    read = graph.inputs().get(pusher, []) if pusher is not None else []
    near = {graph.artifacts[i].type: graph.artifacts[i] for i in read}
    model = near.get(tfx_names.MODEL)
    evaluation = near.get(tfx_names.EVALUATION)
    transform = next(reversed(graph.of_type(tfx_names.TRANSFORM_GRAPH)), None)
    return Trace(
        pushed=_own(pushed),
        pushed_at=pushed.created,
        model=_own(model) if model else {},
        spans=_spans(graph),
        schema=_schema(graph, transform),
        vocabularies=_json(transform, facts.VOCABULARIES),
        metrics=runs.metrics(evaluation) if evaluation else {},
        intervals=_json(evaluation, facts.INTERVALS),
        slices=_json(evaluation, facts.SLICE_METRICS),
        blessing=_blessing(near.get(tfx_names.BLESSING)),
        steps=_steps(store, graph),
        graph=graph,
        absent=absent(graph),
    )


def absent(graph: Graph) -> list[int]:
    """Ids of artifacts whose folders are not on this machine."""
    return [a.id for a in graph.artifacts.values() if _is_absent(a)]


def _own(artifact: ArtifactNode) -> dict[str, Value]:
    """Properties, without those that TFX needs for itself."""
    return {n: v for n, v in artifact.properties.items() if n != "is_external"}


def _spans(graph: Graph) -> list[Span]:
    """Examples that no artifact went into: what an ExampleGen read from outside."""
    producers, inputs = graph.producers(), graph.inputs()
    found = []
    for artifact in graph.of_type(tfx_names.EXAMPLES):
        producer = producers.get(artifact.id)
        if producer in inputs:
            continue
        known: dict[str, Value | None] = {n: artifact.number(n) for n in _SPAN_COUNTS}
        for name in (facts.SPANS, facts.SPANS_LEFT_OUT, facts.INPUT_FINGERPRINT):
            known[name] = artifact.text(name)
        found.append(
            Span(
                artifact.id,
                _source(graph.executions[producer]) if producer is not None else None,
                {name: value for name, value in known.items() if value is not None},
            )
        )
    return found


def _source(execution: ExecutionNode) -> str | None:
    flat = parameters.flatten(execution.properties)
    path = flat.get(f"{tfx_names.LOG}.path", flat.get(tfx_names.INPUT_BASE))
    return None if path is None else str(path)


def _schema(graph: Graph, transform: ArtifactNode | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    schemas = graph.of_type(tfx_names.SCHEMA)
    if schemas:
        found |= {"artifact": schemas[-1].id, "uri": schemas[-1].uri}
    digest = transform.text(facts.SCHEMA_SHA256) if transform else None
    if digest:
        found[facts.SCHEMA_SHA256] = digest
        found["columns"] = _json(transform, facts.SCHEMA_COLUMNS)
    return found


def _json(artifact: ArtifactNode | None, name: str) -> dict[str, Any]:
    return parameters.json_object(artifact.properties if artifact else {}, name)


def _blessing(blessing: ArtifactNode | None) -> dict[str, Any]:
    if blessing is None:
        return {}
    blessed = blessing.number(facts.BLESSED) == 1
    reason = blessing.text(facts.REASON if blessed else facts.REFUSAL)
    return {"blessed": blessed, "reason": reason, "artifact": blessing.id}


def _steps(store: Store, graph: Graph) -> list[Step]:
    written: dict[int, ArtifactNode] = {
        execution: graph.artifacts[artifact]
        for artifact, execution in graph.producers().items()
    }
    found = []
    for execution in sorted(graph.executions.values(), key=lambda e: e.id):
        pipeline, run, node = runs.place(store, execution)
        output = written[execution.id]
        found.append(
            Step(
                execution=execution.id,
                node=node,
                pipeline=pipeline,
                run=run,
                state=execution.state,
                started=execution.started,
                ended=execution.ended,
                user=output.text(facts.USER),
                host=output.text(facts.HOST),
                package_version=output.text(facts.PACKAGE_VERSION),
                git_commit=output.text(facts.GIT_COMMIT),
                tfx_version=output.text(tfx_names.TFX_VERSION),
                parameters=parameters.flatten(execution.properties) | _tuned(output),
            )
        )
    return found


def _tuned(model: ArtifactNode) -> dict[str, Value]:
    """What a search chose in the place of what the trainer was called with."""
    chosen = _json(model, facts.TUNED)
    return {f"custom_config.{setting}": value for setting, value in chosen.items()}


def _is_absent(artifact: ArtifactNode) -> bool:
    if connection.is_url(artifact.uri) or not os.path.isabs(artifact.uri):
        return False
    return not os.path.exists(artifact.uri)
