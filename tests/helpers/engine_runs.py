"""A small pipeline, run on an engine; what its artifacts hold."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

from tfx.orchestration import metadata

from ondevice_rec.pipelines import engines, local_runner, pipeline
from ondevice_rec.schemas import config as config_module

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


def write(folder: Path) -> None:
    """Two files of users who walk round 30 items, and a configuration."""
    (folder / "config.yaml").write_text(CONFIG)
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
