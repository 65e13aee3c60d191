"""A store as large as years of runs: what a pipeline writes, run after run.

Every run has the eight executions of the pipeline. Its examples are a span of its
own; the imported schema is one artifact that all runs take from the cache, so that
its events grow with the store, which is the worst case for what walks along events.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2 as pb

# Executions of one run: name, keys of its inputs, outputs (key -> type).
NODES: tuple[tuple[str, tuple[str, ...], dict[str, str]], ...] = (
    (
        "ActivityExampleGen",
        (),
        {
            "examples": "Examples",
            "catalogue": "ondevice_rec.ItemCatalogue",
            "report": "ondevice_rec.IngestionReport",
        },
    ),
    ("ImportSchemaGen", (), {"schema": "Schema"}),
    ("StatisticsGen", ("examples",), {"statistics": "ExampleStatistics"}),
    ("ExampleValidator", ("statistics", "schema"), {"anomalies": "ExampleAnomalies"}),
    (
        "SequenceTransform",
        ("examples", "schema"),
        {"transform_graph": "TransformGraph", "transformed_examples": "Examples"},
    ),
    (
        "RecommendationTrainer",
        ("transformed_examples", "transform_graph"),
        {"model": "Model", "model_run": "ModelRun"},
    ),
    (
        "TopKEvaluator",
        ("transformed_examples", "model"),
        {"evaluation": "ModelEvaluation", "blessing": "ModelBlessing"},
    ),
    (
        "TFLitePusher",
        ("model", "blessing", "evaluation", "transformed_examples", "catalogue"),
        {"pushed_model": "PushedModel"},
    ),
)
FIRST_VERSION = 1_700_000_000
_BATCH = 250

# ML Metadata sets the times; as if the runs had come one an hour, each for a quarter.
_HOUR = 3_600_000
_SPREAD = f"""
    update Execution set
      create_time_since_epoch = {FIRST_VERSION}000
        + (id - 1) / {len(NODES)} * {_HOUR} + (id - 1) % {len(NODES)} * 100000,
      last_update_time_since_epoch = {FIRST_VERSION}000
        + (id - 1) / {len(NODES)} * {_HOUR} + (id - 1) % {len(NODES)} * 100000 + 90000;
    update Artifact set create_time_since_epoch = coalesce(
      (select min(e.last_update_time_since_epoch) from Event v
        join Execution e on e.id = v.execution_id
        where v.artifact_id = Artifact.id and v.type = {pb.Event.OUTPUT}),
      create_time_since_epoch);
"""


def version(run: int) -> int:
    """Unix seconds when a run's model was pushed: as its pusher ended."""
    return FIRST_VERSION + (run * _HOUR + (len(NODES) - 1) * 100_000 + 90_000) // 1000


def build(path: str, runs: int) -> None:
    """Writes a SQLite store with so many runs; nothing where it exists already."""
    if os.path.exists(path):
        return
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = path + ".part"
    config.sqlite.connection_mode = config.sqlite.READWRITE_OPENCREATE
    store = mlmd.MetadataStore(config)
    types = _Types(store)
    for start in range(0, runs, _BATCH):
        _put_runs(store, types, range(start, min(start + _BATCH, runs)))
    del store
    # In a process of its own: this one has opened the file with another library.
    program = (
        "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])"
    )
    subprocess.run([sys.executable, "-c", program, path + ".part", _SPREAD], check=True)
    os.rename(path + ".part", path)


class _Types:
    """Ids of the types, and of the contexts and the schema all runs share."""

    def __init__(self, store: mlmd.MetadataStore) -> None:
        self.artifact = {
            name: store.put_artifact_type(pb.ArtifactType(name=name))
            for _, _, outputs in NODES
            for name in outputs.values()
        }
        self.execution = {
            name: store.put_execution_type(
                pb.ExecutionType(name=f"benchmark.component.{name}")
            )
            for name, _, _ in NODES
        }
        self.run = store.put_context_type(pb.ContextType(name="pipeline_run"))
        pipeline = store.put_context_type(pb.ContextType(name="pipeline"))
        node = store.put_context_type(pb.ContextType(name="node"))
        self.pipeline, *nodes = store.put_contexts(
            [
                pb.Context(type_id=pipeline, name="nightly"),
                *(pb.Context(type_id=node, name=f"nightly.{n}") for n, _, _ in NODES),
            ]
        )
        self.node = dict(zip(self.execution, nodes, strict=True))
        (self.schema,) = store.put_artifacts(
            [_artifact(self.artifact["Schema"], "/store/schema/1", {})]
        )


def _put_runs(store: mlmd.MetadataStore, types: _Types, runs: Iterable[int]) -> None:
    runs = list(runs)
    contexts = store.put_contexts(
        [pb.Context(type_id=types.run, name=f"run-{run}") for run in runs]
    )
    placed = [(run, name) for run in runs for name, _, _ in NODES]
    made = store.put_executions(
        [_execution(types.execution[name], name, run) for run, name in placed]
    )
    executions = dict(zip(placed, made, strict=True))
    outputs = [
        (run, key, kind)
        for run in runs
        for _, _, keys in NODES
        for key, kind in keys.items()
        if key != "schema"
    ]
    made = store.put_artifacts(
        [
            _artifact(types.artifact[kind], f"/store/{key}/{run}", _facts(key, run))
            for run, key, kind in outputs
        ]
    )
    artifacts = {
        (run, key): made_id
        for (run, key, _), made_id in zip(outputs, made, strict=True)
    }
    events, associations = [], []
    for run, context in zip(runs, contexts, strict=True):
        artifacts[run, "schema"] = types.schema
        for name, inputs, keys in NODES:
            execution = executions[run, name]
            for kind, names in ((pb.Event.INPUT, inputs), (pb.Event.OUTPUT, keys)):
                for key in names:
                    events.append(_event(artifacts[run, key], execution, key, kind))
            associations += [
                pb.Association(context_id=of, execution_id=execution)
                for of in (context, types.pipeline, types.node[name])
            ]
    store.put_events(events)
    store.put_attributions_and_associations([], associations)


def _facts(key: str, run: int) -> dict[str, Any]:
    """Custom properties, as our executors set them."""
    facts: dict[str, Any] = {
        "content_sha256": f"{run:064x}",
        "package_version": "0.1.0",
        "user": "nightly",
        "host": "builder",
    }
    if key == "examples":
        facts |= {"span": run, "rows_read": 100_000, "rows_rejected": 3}
    if key == "evaluation":
        for k in (1, 5, 10, 20):
            for name in ("recall", "ndcg"):
                facts[f"{name}@{k}"] = 0.01 * k
                facts[f"popularity_{name}@{k}"] = 0.005 * k
    if key == "blessing":
        facts |= {"blessed": 1, "reason": "ndcg@10 is 0.1, the minimum is 0.05"}
    if key == "pushed_model":
        facts |= {
            "pushed": 1,
            "pushed_version": str(version(run)),
            "pushed_destination": f"/store/serving/{version(run)}",
            "model_sha256": f"{run:064x}",
            "model_size_bytes": 480_000,
            "latency_p50_us": 124.0,
        }
    return facts


def _value(value: Any) -> pb.Value:
    if isinstance(value, int):
        return pb.Value(int_value=value)
    if isinstance(value, float):
        return pb.Value(double_value=value)
    return pb.Value(string_value=value)


def _artifact(type_id: int, uri: str, facts: dict[str, Any]) -> pb.Artifact:
    artifact = pb.Artifact(type_id=type_id, uri=uri, state=pb.Artifact.LIVE)
    for name, value in facts.items():
        artifact.custom_properties[name].CopyFrom(_value(value))
    return artifact


def _execution(type_id: int, name: str, run: int) -> pb.Execution:
    state = pb.Execution.COMPLETE
    if name == "ImportSchemaGen" and run:
        state = pb.Execution.CACHED
    execution = pb.Execution(type_id=type_id, last_known_state=state)
    config = '{"training": "{\\"epochs\\": \\"12\\"}"}'
    execution.custom_properties["custom_config"].string_value = config
    return execution


def _event(artifact: int, execution: int, key: str, kind: int) -> pb.Event:
    event = pb.Event(artifact_id=artifact, execution_id=execution, type=kind)
    event.path.steps.add(key=key)
    event.path.steps.add(index=0)
    return event
