"""A model with random weights, timelines and a catalogue to push, and the push."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.proto.orchestration import pipeline_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import proto_utils

from ondevice_rec.components.artifacts import ItemCatalogue
from ondevice_rec.components.tflite_pusher.executor import Executor
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import InputSpec, ModelHParams
from ondevice_rec.schemas.pipeline_config_pb2 import Serving

INPUT_SPEC = """
    activity_feature_groups {
      features { feature_name: "context_item" feature_type: STRING vocab_size: 30
                 embedding_dim: 8 feature_length: 5 }
      features { feature_name: "context_genre" feature_type: STRING vocab_size: 4
                 embedding_dim: 2 feature_length: 5 }
      encoder_type: CNN }
    label_feature { feature_name: "label_item" feature_type: STRING vocab_size: 30
                    embedding_dim: 8 }
"""
ITEMS = ["[OOV]", *(f"m{id_}" for id_ in range(1, 30))]
GENRES = ["[OOV]", "Comedy", "Drama", "Western"]


def write_timelines(folder: Path, splits: dict[str, int]) -> None:
    """Random timelines, so many of a split."""
    rng = np.random.default_rng(5)

    def ints(values: np.ndarray | list[int]) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    for split, count in splits.items():
        (folder / f"Split-{split}").mkdir(parents=True)
        path = str(folder / f"Split-{split}" / "data-00000.gz")
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            for _ in range(count):
                length = int(rng.integers(2, 9))
                feature = {
                    "item": ints(rng.integers(0, 30, length)),
                    "genre": ints(rng.integers(0, 4, length)),
                    "timestamp": ints(list(range(length))),
                    "target": ints([0] * (length - 1) + [1]),
                    "overlap": ints([0]),
                    "user": tf.train.Feature(
                        bytes_list=tf.train.BytesList(value=[b"u"])
                    ),
                }
                example = tf.train.Example(features=tf.train.Features(feature=feature))
                writer.write(example.SerializeToString())


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The inputs of a push: a model with random weights, timelines, a catalogue."""
    folder = tmp_path_factory.mktemp("world")
    keras.utils.set_random_seed(1)
    hparams = ModelHParams([6], [10], [1], 2, 4, num_predictions=5)
    spec = text_format.Parse(INPUT_SPEC, InputSpec())
    saved = str(folder / "model" / "Format-Serving")
    vocabularies = {"item": ITEMS, "genre": GENRES}
    export.save(RecommendationModel(spec, hparams), saved, vocabularies)

    write_timelines(folder / "examples", {"train": 60, "validation": 40, "test": 40})
    (folder / "catalogue").mkdir()
    # Not every item is known.
    pq.write_table(
        pa.table({"item": ITEMS[1:29], "title": [f"Film {i}" for i in range(1, 29)]}),
        folder / "catalogue" / "items.parquet",
    )
    (folder / "evaluation").mkdir()
    metrics = {"queries": 3, "candidate": {"mrr": 0.5}, "popularity": {"mrr": 0.25}}
    (folder / "evaluation" / "metrics.json").write_text(
        json.dumps({"slices": {"overall": metrics}})
    )
    found: dict[str, Any] = {
        "model": standard_artifacts.Model(),
        "examples": standard_artifacts.Examples(),
        "catalogue": ItemCatalogue(),
        "evaluation": standard_artifacts.ModelEvaluation(),
    }
    for number, (name, artifact) in enumerate(found.items(), start=11):
        artifact.uri, artifact.id = str(folder / name), number
    found["examples"].split_names = artifact_utils.encode_split_names(
        ["train", "validation", "test"]
    )
    found["examples"].set_string_custom_property("span", "3")
    return found


@pytest.fixture(scope="session")
def push(world: dict[str, Any]) -> Callable[..., Any]:
    """Pushes to `folder/serving` or `push_dir`; returns the artifact `pushed_model`."""

    def pushing(folder: Path, **options: Any) -> Any:
        return _push(world, folder, **options)

    return pushing


def _push(
    world: dict[str, Any],
    folder: Path,
    refusal: str | None = None,
    serving: str = "",
    executor: type[Executor] = Executor,
    push_dir: str | None = None,
    execution: int = 42,
) -> Any:
    blessing = standard_artifacts.ModelBlessing()
    blessing.uri = str(folder / "blessing")
    blessing.set_int_custom_property("blessed", int(refusal is None))
    blessing.set_string_custom_property("refusal", refusal or "")
    pushed = standard_artifacts.PushedModel()
    pushed.uri = str(folder / "pushed")
    context = BaseExecutor.Context(
        unique_id=str(execution),
        pipeline_info=pipeline_pb2.PipelineInfo(id="films"),
        pipeline_run_id="run-7",
    )
    executor(context).Do(
        {**{k: [v] for k, v in world.items()}, "model_blessing": [blessing]},
        {"pushed_model": [pushed]},
        {
            "serving": proto_utils.proto_to_json(text_format.Parse(serving, Serving())),
            "push_dir": push_dir or str(folder / "serving"),
        },
    )
    return pushed
