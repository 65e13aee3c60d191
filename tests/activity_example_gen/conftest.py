"""Runs ActivityExampleGen's executor on a few rows and reads what it wrote."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2

# With an image named, TFX does not make a package of itself for every pipeline.
BEAM_ARGS = ["--runner=FnApiRunner", "--sdk_container_image=local"]


@dataclasses.dataclass
class Ingested:
    """What the executor wrote.

    Attributes:
      examples: By split, the decoded Examples in the order of the files.
      report: `report.json`.
      catalogue: Rows of `items.parquet`.
      folder: Where the three artifacts are.
      artifacts: The artifacts, by output.
    """

    examples: dict[str, list[dict[str, list[Any]]]]
    report: dict[str, Any]
    catalogue: list[dict[str, Any]]
    folder: Path
    artifacts: dict[str, Any]

    def digest(self) -> dict[str, str]:
        """Hashes of the example files, by path."""
        files = sorted((self.folder / "examples").rglob("*.gz"))
        return {
            str(file.relative_to(self.folder)): hashlib.sha256(
                file.read_bytes()
            ).hexdigest()
            for file in files
        }

    def timelines(self, split: str) -> dict[str, tuple[list[str], list[int]]]:
        """Items and targets by user, of a split without cut timelines."""
        return {
            example["user"][0]: (example["item"], example["target"])
            for example in self.examples[split]
        }


def _decoded(folder: Path) -> list[dict[str, list[Any]]]:
    import tensorflow as tf

    found = []
    for file in sorted(folder.glob("*.gz")):
        for record in tf.data.TFRecordDataset(str(file), "GZIP").as_numpy_iterator():
            values: dict[str, list[Any]] = {}
            example = tf.train.Example.FromString(record)
            for name, feature in example.features.feature.items():
                kind = feature.WhichOneof("kind")
                values[name] = [
                    value.decode() if kind == "bytes_list" else value
                    for value in getattr(feature, kind).value
                ]
            found.append(values)
    return found


@pytest.fixture(scope="session")
def ingest(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Ingested]:
    """Runs the executor in this process; takes what the component takes."""
    import pyarrow.parquet as pq
    from tfx.dsl.components.base import base_beam_executor
    from tfx.types import standard_artifacts

    from ondevice_rec.components.activity_example_gen import component, executor
    from ondevice_rec.components.artifacts import IngestionReport, ItemCatalogue

    def run(
        log: config_pb2.ActivityLog,
        folder: Path | None = None,
        beam_args: tuple[str, ...] = (),
        **parameters: Any,
    ) -> Ingested:
        folder = folder or tmp_path_factory.mktemp("ingested")
        made = component.ActivityExampleGen(log, **parameters)
        artifacts: dict[str, Any] = {
            "examples": [standard_artifacts.Examples()],
            "catalogue": [ItemCatalogue()],
            "report": [IngestionReport()],
        }
        for name, (artifact,) in artifacts.items():
            artifact.uri = str(folder / name)
        context = base_beam_executor.BaseBeamExecutor.Context(
            beam_pipeline_args=[*BEAM_ARGS, *beam_args]
        )
        executor.Executor(context).Do({}, artifacts, dict(made.exec_properties))
        return Ingested(
            {
                split: _decoded(folder / "examples" / f"Split-{split}")
                for split in ("train", "validation", "test", "newest")
                if (folder / "examples" / f"Split-{split}").is_dir()
            },
            json.loads((folder / "report" / "report.json").read_text()),
            pq.read_table(folder / "catalogue" / "items.parquet").to_pylist(),
            folder,
            {name: artifact for name, (artifact,) in artifacts.items()},
        )

    return run


@pytest.fixture
def log_of(tmp_path: Path) -> Callable[..., config_pb2.ActivityLog]:
    """Writes text to a file and says it is a log of users, items and times."""

    def write(text: str | bytes, name: str = "log.csv") -> config_pb2.ActivityLog:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return config_pb2.ActivityLog(
            path=str(path), user="user", item="item", timestamp="time"
        )

    return write
