"""Runs the evaluator on timelines and models made up in a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import proto_utils

from ondevice_rec.components.topk_evaluator.executor import Executor
from ondevice_rec.schemas.pipeline_config_pb2 import Evaluation

# `items` and `targets`; `gender`, `overlap` and `user` where they are not 1, 0, and
# another one for every timeline.
Timeline = Mapping[str, Any]


def _example(timeline: Timeline, user: str) -> bytes:
    def ints(values: list[int]) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    key = tf.train.BytesList(value=[timeline.get("user", user).encode()])
    features = {
        "user": tf.train.Feature(bytes_list=key),
        "item": ints(timeline["items"]),
        "timestamp": ints(list(range(len(timeline["items"])))),
        "target": ints(timeline["targets"]),
        "overlap": ints([timeline.get("overlap", 0)]),
        "gender": ints([timeline.get("gender", 1)]),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    content: bytes = example.SerializeToString()
    return content


def write_examples(
    folder: Path, splits: Mapping[str, Sequence[Sequence[Timeline]]]
) -> None:
    """Writes `{split: [timelines of a shard]}`."""
    for split, shards in splits.items():
        (folder / f"Split-{split}").mkdir(parents=True)
        for number, shard in enumerate(shards):
            path = folder / f"Split-{split}" / f"data-{number:05}.gz"
            with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
                for place, timeline in enumerate(shard):
                    writer.write(_example(timeline, f"{split} {number} {place}"))


def run(
    examples: Path,
    model: Path,
    output: Path,
    config: str = "",
    baseline: Path | None = None,
) -> tuple[Any, Any]:
    """Runs the executor.

    Args:
      examples: What `write_examples` wrote, with the splits train and test.
      model: Folder of the model artifact.
      output: Folder to write to.
      config: An Evaluation as text.
      baseline: Folder of the latest blessed model.

    Returns:
      The artifacts `evaluation` and `blessing`.
    """
    timelines = standard_artifacts.Examples()
    timelines.uri = str(examples)
    timelines.split_names = artifact_utils.encode_split_names(["train", "test"])
    models = []
    for number, folder in enumerate([model, *([baseline] if baseline else [])]):
        artifact = standard_artifacts.Model()
        artifact.uri, artifact.id = str(folder), 17 - number
        models.append(artifact)
    evaluation = standard_artifacts.ModelEvaluation()
    evaluation.uri = str(output / "evaluation")
    blessing = standard_artifacts.ModelBlessing()
    blessing.uri = str(output / "blessing")
    # Given as arguments, TFX would first build a package of itself for the runner.
    context = BaseBeamExecutor.Context(
        make_beam_pipeline_fn=lambda: beam.Pipeline(runner="FnApiRunner")
    )
    Executor(context).Do(
        {"examples": [timelines], "model": models[:1], "baseline_model": models[1:]},
        {"evaluation": [evaluation], "blessing": [blessing]},
        {
            "evaluation_config": proto_utils.proto_to_json(
                text_format.Parse(config, Evaluation())
            ),
            "current_component_id": "TopKEvaluator",
        },
    )
    return evaluation, blessing


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """The above: test modules cannot import one another."""
    return SimpleNamespace(write_examples=write_examples, run=run)
