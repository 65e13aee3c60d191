"""The pusher with a real model and real files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tfx.types import channel_utils, standard_artifacts

from ondevice_rec.components.artifacts import ItemCatalogue
from ondevice_rec.components.tflite_pusher.component import TFLitePusher
from ondevice_rec.components.tflite_pusher.executor import Executor
from ondevice_rec.components.tflite_pusher.variants import Exported
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.export.assets import ModelAssets
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.ondevice.version_folder import open_version, versions
from ondevice_rec.recommendation.recommender import Recommender
from ondevice_rec.recommendation.spec import InputSpec
from ondevice_rec.schemas.pipeline_config_pb2 import Serving

Push = Callable[..., Any]

ITEMS = ["[OOV]", *(f"m{id_}" for id_ in range(1, 30))]


def test_a_blessed_model_is_published_whole(push: Push, tmp_path: Path) -> None:
    pushed = push(tmp_path)
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
        "popular.json",
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
    world: dict[str, Any], push: Push, tmp_path: Path
) -> None:
    pushed = push(tmp_path)
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
    world: dict[str, Any], push: Push, tmp_path: Path
) -> None:
    push(tmp_path)
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
    push: Push, tmp_path: Path
) -> None:
    pushed = push(tmp_path, refusal="mrr is 0.1, below the minimum 0.2")
    assert pushed.get_int_custom_property("pushed") == 0
    assert pushed.get_string_custom_property("refusal") == (
        "the model is not blessed: mrr is 0.1, below the minimum 0.2"
    )
    assert not (tmp_path / "serving").exists()


def test_few_timelines_are_enough_on_demand(push: Push, tmp_path: Path) -> None:
    push(tmp_path, serving="verification_timelines: 7")
    manifest = open_version(tmp_path / "serving").manifest
    assert manifest["verification"]["queries"] == 7


class WrongExport(Executor):
    """Exports a model with other weights."""

    def export(
        self,
        saved_model_dir: str,
        assets: ModelAssets,
        examples: Sequence[Any],
        serving: Serving,
    ) -> list[Exported]:
        keras.utils.set_random_seed(2)
        other = str(Path(saved_model_dir).parent / "other")
        model = RecommendationModel(assets.input_spec, assets.hparams)
        export.save(model, other, assets.vocabularies)
        return super().export(other, assets, examples, serving)


def test_tflite_that_recommends_something_else_is_not_published(
    push: Push, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"must recommend what the model recommends"):
        push(tmp_path, executor=WrongExport)
    assert versions(tmp_path / "serving") == []


def test_the_second_push_has_a_later_number(push: Push, tmp_path: Path) -> None:
    for execution in (1, 2):
        push(tmp_path, serving="verification_timelines: 1", execution=execution)
    first, second = versions(tmp_path / "serving")
    assert first < second


def test_an_attempt_killed_after_it_had_published_is_not_pushed_twice(
    push: Push, tmp_path: Path
) -> None:
    few = {"serving": "verification_timelines: 1"}
    push(tmp_path, **few, execution=1)
    killed = push(tmp_path, **few, execution=2)
    before, last = versions(tmp_path / "serving")
    # It had not come to serve it.
    (tmp_path / "serving" / "current").write_text(f"{before}\n")

    again = push(tmp_path, **few, execution=2)

    assert versions(tmp_path / "serving") == [before, last]
    assert open_version(tmp_path / "serving").version == last
    for name in ("model_sha256", "pushed_destination", "pushed_version"):
        found = again.get_string_custom_property(name)
        assert found == killed.get_string_custom_property(name)
    # An operator's choice since a later push stays.
    push(tmp_path, **few, execution=3)
    (tmp_path / "serving" / "current").write_text(f"{before}\n")
    push(tmp_path, **few, execution=2)
    assert open_version(tmp_path / "serving").version == before


@pytest.mark.parametrize(
    ("serving", "push_dir", "message"),
    [
        ("", "", "`push_dir` must be the path of a local folder, or a URL.*''"),
        ("", "file:///serving", "the path of a local folder.*received 'file:///"),
        (
            "verification_timelines: 0",
            "x",
            "`serving.verification_timelines` must be",
        ),
        ("min_agreement: 1.5", "x", "between 0 and 1, received 1.5"),
        ("keep_versions: -1", "x", "`serving.keep_versions` must be >= 0"),
        (
            "variants { max_size_bytes: 0 }",
            "x",
            r"variants\[0\].max_size_bytes` must be >= 1",
        ),
        ("variants { max_ndcg_loss: 2 }", "x", "between 0 and 1, received 2"),
        (
            "variants { precision: INT8 } variants { precision: INT8 }",
            "x",
            "must name INT8 once",
        ),
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
