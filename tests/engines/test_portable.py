"""Another engine gives the same bytes: workers in processes of their own.

Beam's portable job service, gRPC between it and the workers of an external pool: what
Flink, Spark and Dataflow speak too.
"""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from apache_beam.runners.portability import local_job_service
from tfx.orchestration import metadata

from ondevice_rec.components.activity_example_gen import partitions
from ondevice_rec.pipelines import beam_workers, engines, local_runner, pipeline
from ondevice_rec.schemas import config as config_module

pytestmark = pytest.mark.integration

CONFIG = """\
pipeline_name: walks
log: {path: log-*.csv, user: user, item: item, timestamp: time}
filters: {min_item_count: 2}
input_spec:
  activity_feature_groups:
    - encoder_type: BOW
      features:
        - {feature_name: context_item, feature_type: STRING, embedding_dim: 8,
           feature_length: 4}
  label_feature: {feature_name: label_item, feature_type: STRING, embedding_dim: 8}
hparams: {num_predictions: 5}
training: {epochs: 1, batch_size: 64}
evaluation: {top_k: [1, 3], slices: [history_length], bootstrap_replicates: 20}
"""
# What holds moments, durations and names that TensorFlow numbers as it goes.
LEFT_OUT = {"saved_model.pb", "fingerprint.pb", "training.json", "manifest.json"}


def write_logs(folder: Path) -> None:
    """Two files of users who walk round 30 items, some of them lost on the way."""
    rng = random.Random(1)
    for number in range(2):
        lines = ["user,item,time"]
        for user, step in itertools.product(range(300), range(6)):
            item = (user * 7 + step + 6 * number + rng.randrange(2)) % 30
            lines.append(f"u{user},i{item},{1_000 + step + 6 * number}")
        (folder / f"log-{number}.csv").write_text("\n".join(lines) + "\n")


class _Nobody:
    def started(self, node_id: str) -> None:
        pass

    def finished(self, node_id: str) -> None:
        pass

    def failed(self, node_id: str) -> None:
        pass


def run(folder: Path, beam_args: list[str], kept: str) -> dict[str, bytes]:
    """Runs the pipeline always at the same place; gives its artifacts' files."""
    loaded = config_module.load(str(folder / "config.yaml"))
    root = folder / "run"
    root.mkdir()
    built = pipeline.create_pipeline(
        loaded,
        str(root / "artifacts"),
        str(root / "serving"),
        metadata.sqlite_metadata_connection_config(str(root / "metadata.sqlite")),
        engines.beam_args(beam_args),
    )
    local_runner.LocalRunner(_Nobody(), "run").run(built)
    root = root.rename(folder / kept)
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted((root / "artifacts").rglob("*"))
        if path.is_file() and path.name not in LEFT_OUT and "tfevents" not in path.name
    }


@contextlib.contextmanager
def portable_engine(staging: Path) -> Iterator[list[str]]:
    """Arguments for a job service and a pool of workers, as long as the context."""
    service = local_job_service.LocalJobServicer(staging_dir=str(staging))
    port = service.start_grpc_server(0)
    try:
        with beam_workers.serve() as address:
            yield [
                "--runner=PortableRunner",
                f"--job_endpoint=localhost:{port}",
                "--environment_type=EXTERNAL",
                f"--environment_config={address}",
            ]
    finally:
        service.stop()


def test_external_workers_write_what_this_process_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Several partitions, so that there is an order to get wrong.
    monkeypatch.setattr(partitions, "_PARTITION_BYTES", 16 << 10)
    write_logs(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG)

    here = run(tmp_path, [], "here")
    with portable_engine(tmp_path / "staging") as beam_args:
        there = run(tmp_path, beam_args, "there")

    shards = [name for name in here if "transformed_examples/" in name]
    assert len(shards) == 3 * 3
    assert [name for name in here if here[name] != there.get(name)] == []
    assert there.keys() == here.keys()
