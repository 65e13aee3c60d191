"""Stores of ML Metadata, written here as TFX writes them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_metadata as mlmd
import pytest
from ml_metadata.proto import metadata_store_pb2 as pb


class Writer:
    """Writes runs into a store."""

    def __init__(self, config: pb.ConnectionConfig) -> None:
        self.store = mlmd.MetadataStore(config)

    def artifact(self, kind: str, uri: str = "/gone", **facts: Any) -> int:
        """A live artifact with these custom properties."""
        type_id = self.store.put_artifact_type(pb.ArtifactType(name=kind))
        artifact = pb.Artifact(type_id=type_id, uri=str(uri), state=pb.Artifact.LIVE)
        _fill(artifact.custom_properties, facts)
        return self.store.put_artifacts([artifact])[0]

    def execution(
        self,
        node: str,
        run: str = "run-1",
        inputs: dict[str, list[int]] | None = None,
        outputs: dict[str, list[int]] | None = None,
        state: int = pb.Execution.COMPLETE,
        contexts: dict[str, str] | None = None,
        **properties: Any,
    ) -> int:
        """An execution of pipeline "p", in its contexts, with its events."""
        type_id = self.store.put_execution_type(
            pb.ExecutionType(name=f"any.where.{node}")
        )
        execution = pb.Execution(type_id=type_id, last_known_state=state)
        _fill(execution.custom_properties, properties)
        made = self.store.put_executions([execution])[0]
        events = []
        for kind, artifacts in ((pb.Event.INPUT, inputs), (pb.Event.OUTPUT, outputs)):
            for key, ids in (artifacts or {}).items():
                for artifact in ids:
                    event = pb.Event(artifact_id=artifact, execution_id=made, type=kind)
                    event.path.steps.add(key=key)
                    events.append(event)
        self.store.put_events(events)
        if contexts is None:
            contexts = {"pipeline": "p", "pipeline_run": run, "node": f"p.{node}"}
        self.store.put_attributions_and_associations(
            [],
            [
                pb.Association(context_id=self.context(*named), execution_id=made)
                for named in contexts.items()
            ],
        )
        return made

    def wrote(self, execution: int, kind: str) -> int:
        """An artifact that an execution wrote, made after it began, as in TFX."""
        # Times are kept to the millisecond.
        time.sleep(0.003)
        artifact = self.artifact(kind)
        event = pb.Event(
            artifact_id=artifact, execution_id=execution, type=pb.Event.OUTPUT
        )
        self.store.put_events([event])
        time.sleep(0.003)
        return artifact

    def context(self, kind: str, name: str) -> int:
        """A context, made if it is new."""
        found = self.store.get_context_by_type_and_name(kind, name)
        if found is None:
            type_id = self.store.put_context_type(pb.ContextType(name=kind))
            return self.store.put_contexts([pb.Context(type_id=type_id, name=name)])[0]
        return int(found.id)

    def run(self, name: str, span: int, version: int, **changes: Any) -> dict[str, int]:
        """The run of a whole pipeline, from a span to a pushed version.

        Args:
          name: The run.
          span: The span.
          version: The version; its model's sha256 is its digits, repeated.
          **changes: `rows_read`, `epochs`, `ndcg`, `folder`, `schema` (artifact id),
            `base_model` (artifact id), `blessed`.

        Returns:
          Ids of the artifacts by name.
        """
        folder = str(changes.get("folder", "/gone"))
        rows, ndcg = changes.get("rows_read", 100), changes.get("ndcg", 0.25)
        made = {
            "examples": self.artifact(
                "Examples", span=span, rows_read=rows, rows_rejected=1,
                input_fingerprint=f"fingerprint {span}", **_origin(),
            ),
            "schema": changes.get("schema") or self.artifact("Schema"),
            "graph": self.artifact(
                "TransformGraph", schema_sha256="5c" * 32,
                schema_columns='{"item": "BYTES"}',
                vocabularies='{"item": {"size": 30, "sha256": "7e"}}', **_origin(),
            ),
            "timelines": self.artifact("Examples", **_origin()),
            "model": self.artifact("Model", epochs=5, steps=110, **_origin()),
            "evaluation": self.artifact(
                "ModelEvaluation",
                slice_metrics=json.dumps({"genre=Drama": {"ndcg@10": ndcg}}),
                **{"ndcg@10": ndcg, "popularity_ndcg@10": 0.125},
                intervals='{"ndcg@10": [0.2, 0.3]}', **_origin(),
            ),
            "blessing": self.artifact(
                "ModelBlessing", blessed=1, reason="it is better", **_origin()
            ),
            "pushed": self.artifact(
                "PushedModel", pushed=1, pushed_version=str(version),
                pushed_destination=f"{folder}/{version}",
                model_sha256=f"{version:064d}", **_origin(),
            ),
        }  # fmt: skip
        self.execution(
            "ExampleGen", name, {}, _some(made, "examples"), log='{"path": "log.csv"}'
        )
        if "schema" not in changes:
            self.execution("ImportSchemaGen", name, {}, _some(made, "schema"))
        self.execution(
            "Transform", name, _some(made, "examples", "schema"),
            _some(made, "graph", "timelines"),
        )  # fmt: skip
        inputs = _some(made, "graph", "timelines")
        if "base_model" in changes:
            inputs["base_model"] = [changes["base_model"]]
        # JSON within JSON has backslashes, which ML Metadata 1.16 cannot write to
        # PostgreSQL.
        training = {"epochs": str(changes.get("epochs", 8))}
        self.execution(
            "Trainer", name, inputs, _some(made, "model"),
            custom_config=json.dumps({"training": training}),
        )  # fmt: skip
        self.execution(
            "Evaluator", name, _some(made, "timelines", "model"),
            _some(made, "evaluation", "blessing"),
        )  # fmt: skip
        self.execution(
            "Pusher", name, _some(made, "model", "blessing", "evaluation"),
            _some(made, "pushed"),
        )  # fmt: skip
        return made


def _origin() -> dict[str, str]:
    return {
        "package_version": "0.1.0",
        "git_commit": "c0ffee",
        "user": "ann",
        "host": "builder",
        "tfx_version": "1.16.0",
    }


def _some(made: dict[str, int], *names: str) -> dict[str, list[int]]:
    return {name: [made[name]] for name in names}


def _fill(properties: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, int):
            properties[name].int_value = value
        elif isinstance(value, float):
            properties[name].double_value = value
        else:
            properties[name].string_value = value


def sqlite(path: Path) -> pb.ConnectionConfig:
    """A SQLite file, made where it is not there."""
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = str(path)
    config.sqlite.connection_mode = config.sqlite.READWRITE_OPENCREATE
    return config


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A run's folder."""
    return tmp_path / "root"


@pytest.fixture
def writer(root: Path) -> Writer:
    """Writes into the store of `root`."""
    root.mkdir()
    return Writer(sqlite(root / "metadata.sqlite"))


@pytest.fixture(scope="session")
def writer_of() -> Callable[[pb.ConnectionConfig], Writer]:
    """Writes into the store of a connection."""
    return Writer
