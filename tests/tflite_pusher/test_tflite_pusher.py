"""The pusher with a real model and real files."""

from __future__ import annotations

import hashlib
import json
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
from tfx.types import artifact_utils, channel_utils, standard_artifacts
from tfx.utils import proto_utils

from ondevice_rec.components.artifacts import ItemCatalogue
from ondevice_rec.components.tflite_pusher.component import TFLitePusher
from ondevice_rec.components.tflite_pusher.executor import Executor
from ondevice_rec.recommendation import export
from ondevice_rec.recommendation.assets import ModelAssets
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.ondevice.version_folder import open_version, versions
from ondevice_rec.recommendation.recommender import Recommender
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


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The inputs of a push: a model with random weights, timelines, a catalogue."""
    folder = tmp_path_factory.mktemp("world")
    keras.utils.set_random_seed(1)
    hparams = ModelHParams([6], [10], [1], 2, 4, num_predictions=5)
    spec = text_format.Parse(INPUT_SPEC, InputSpec())
    saved = str(folder / "model" / "Format-Serving")
    vocabularies = {"item": ITEMS, "genre": GENRES}
    export.save(RecommendationModel(spec, hparams), saved, vocabularies)

    write_timelines(folder / "examples", {"train": 1, "validation": 40, "test": 40})
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


def push(
    world: dict[str, Any],
    folder: Path,
    refusal: str | None = None,
    serving: str = "",
    executor: type[Executor] = Executor,
) -> Any:
    """Pushes to `folder/serving`; returns the artifact `pushed_model`."""
    blessing = standard_artifacts.ModelBlessing()
    blessing.uri = str(folder / "blessing")
    blessing.set_int_custom_property("blessed", int(refusal is None))
    blessing.set_string_custom_property("refusal", refusal or "")
    pushed = standard_artifacts.PushedModel()
    pushed.uri = str(folder / "pushed")
    context = BaseExecutor.Context(
        unique_id="42",
        pipeline_info=pipeline_pb2.PipelineInfo(id="films"),
        pipeline_run_id="run-7",
    )
    executor(context).Do(
        {**{k: [v] for k, v in world.items()}, "model_blessing": [blessing]},
        {"pushed_model": [pushed]},
        {
            "serving": proto_utils.proto_to_json(text_format.Parse(serving, Serving())),
            "push_dir": str(folder / "serving"),
        },
    )
    return pushed


def test_a_blessed_model_is_published_whole(
    world: dict[str, Any], tmp_path: Path
) -> None:
    pushed = push(world, tmp_path)
    version = open_version(tmp_path / "serving")
    version.check_files()
    present = {
        path.relative_to(version.path).as_posix()
        for path in version.path.rglob("*")
        if path.is_file()
    }
    assert present == {*version.manifest["files"], "manifest.json"}
    assert present >= {
        "model.tflite",
        "vocab.txt",
        "labels.tsv",
        "vocabularies/genre.txt",
        "input_spec.pbtxt",
        "saved_model/saved_model.pb",
        "saved_model/assets.extra/hparams.json",
    }
    assert version.items.keys == ITEMS
    # The key where the catalogue has no title.
    assert version.items.titles[28:] == ["Film 28", "m29"]
    spec = text_format.Parse(
        (version.path / "input_spec.pbtxt").read_text(), InputSpec()
    )
    assert spec.label_feature.vocab_size == 30

    # Each form of the model carries the titles.
    for recommender in (
        Recommender.from_version(version.path),
        Recommender.from_tflite(version.path / "model.tflite"),
        Recommender.from_saved_model(version.path / "saved_model"),
    ):
        assert list(recommender.items.titles[28:]) == ["Film 28", "m29"]

    content = (version.path / "model.tflite").read_bytes()
    properties = pushed.get_string_custom_property
    assert pushed.get_int_custom_property("pushed") == 1
    assert properties("pushed_version") == str(version.version)
    assert properties("pushed_destination") == str(version.path)
    assert properties("model_sha256") == hashlib.sha256(content).hexdigest()
    assert pushed.get_int_custom_property("model_size_bytes") == len(content)
    assert 0 < pushed.get_float_custom_property("latency_p50_us") < 1e5


def test_the_manifest_says_what_it_is_and_where_it_came_from(
    world: dict[str, Any], tmp_path: Path
) -> None:
    pushed = push(world, tmp_path)
    manifest = open_version(tmp_path / "serving").manifest
    assert manifest["inputs"] == [
        {"name": "context_genre", "shape": [5], "dtype": "int32", "column": "genre"},
        {"name": "context_item", "shape": [5], "dtype": "int32", "column": "item"},
    ]
    assert (manifest["vocab_size"], manifest["num_predictions"]) == (30, 5)
    assert manifest["item_column"] == "item"
    assert manifest["metrics"]["candidate"] == {"mrr": 0.5}
    # 40 timelines of each split, one target each.
    assert manifest["verification"]["queries"] == 80
    assert manifest["verification"]["agreement"] == 1.0
    assert manifest["latency_us"]["p50"] <= manifest["latency_us"]["p99"]
    lineage = manifest["lineage"]
    assert lineage["pipeline_name"] == "films"
    assert lineage["pipeline_run_id"] == "run-7"
    assert lineage["execution_id"] == 42
    assert lineage["model"] == {"id": 11, "uri": world["model"].uri}
    assert lineage["examples"] == [
        {
            "id": 12,
            "uri": world["examples"].uri,
            "span": "3",
            "version": None,
            "input_fingerprint": None,
        }
    ]
    archived = json.loads(Path(pushed.uri, "manifest.json").read_text())
    assert archived == manifest


def test_the_published_model_recommends_what_the_saved_model_does(
    world: dict[str, Any], tmp_path: Path
) -> None:
    push(world, tmp_path)
    found = Recommender.from_version(tmp_path / "serving").recommend(
        ["m3", "m29", "m7"],
        features={"context_genre": ["Drama", "Comedy", "Western"]},
    )
    model = tf.saved_model.load(f"{world['model'].uri}/Format-Serving")
    expected = model.signatures["serving_default"](
        context_item=tf.constant([3, 29, 7, 0, 0]),
        context_genre=tf.constant([2, 1, 3, 0, 0]),
    )
    assert [item.id for item in found] == expected[
        "top_prediction_ids"
    ].numpy().tolist()
    scores = expected["top_prediction_scores"].numpy()
    assert [item.score for item in found] == pytest.approx(scores.tolist(), abs=1e-5)


def test_a_refused_model_is_not_pushed_and_the_run_goes_on(
    world: dict[str, Any], tmp_path: Path
) -> None:
    pushed = push(world, tmp_path, refusal="mrr is 0.1, below the minimum 0.2")
    assert pushed.get_int_custom_property("pushed") == 0
    assert pushed.get_string_custom_property("refusal") == (
        "the model is not blessed: mrr is 0.1, below the minimum 0.2"
    )
    assert not (tmp_path / "serving").exists()


def test_few_timelines_are_enough_on_demand(
    world: dict[str, Any], tmp_path: Path
) -> None:
    push(world, tmp_path, serving="verification_timelines: 7")
    manifest = open_version(tmp_path / "serving").manifest
    assert manifest["verification"]["queries"] == 7


class WrongExport(Executor):
    """Exports a model with other weights."""

    def export_tflite(self, saved_model_dir: str, assets: ModelAssets) -> bytes:
        spec = text_format.Parse(INPUT_SPEC, InputSpec())
        keras.utils.set_random_seed(2)
        hparams = ModelHParams([6], [10], [1], 2, 4, num_predictions=5)
        other = str(Path(saved_model_dir).parent / "other")
        export.save(RecommendationModel(spec, hparams), other, assets.vocabularies)
        return super().export_tflite(other, assets)


def test_tflite_that_recommends_something_else_is_not_published(
    world: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"must recommend what the model recommends"):
        push(world, tmp_path, executor=WrongExport)
    assert versions(tmp_path / "serving") == []


def test_the_second_push_has_a_later_number(
    world: dict[str, Any], tmp_path: Path
) -> None:
    for _ in range(2):
        push(world, tmp_path, serving="verification_timelines: 1")
    first, second = versions(tmp_path / "serving")
    assert first < second


@pytest.mark.parametrize(
    ("serving", "push_dir", "message"),
    [
        ("", "", "`push_dir` must be a local folder, received ''"),
        ("", "gs://bucket/serving", "must be a local folder, received 'gs://"),
        ("verification_timelines: 0", "x", "`verification_timelines` must be >= 1"),
        ("min_agreement: 1.5", "x", "between 0 and 1, received 1.5"),
    ],
)
def test_an_impossible_configuration_is_an_error_at_construction(
    serving: str, push_dir: str, message: str
) -> None:
    def channel(kind: Any) -> Any:
        return channel_utils.as_channel([kind()])

    with pytest.raises(ValueError, match=message):
        TFLitePusher(
            model=channel(standard_artifacts.Model),
            model_blessing=channel(standard_artifacts.ModelBlessing),
            examples=channel(standard_artifacts.Examples),
            catalogue=channel(ItemCatalogue),
            serving=text_format.Parse(serving, Serving()),
            push_dir=push_dir,
        )
