"""A model recommends the same items in whatever form it is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from google.protobuf import text_format

from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.export.assets import ModelAssets
from ondevice_rec.recommendation.inputs import Inputs
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.ondevice.publish import publish
from ondevice_rec.recommendation.recommender import RecommendedItem, Recommender
from ondevice_rec.recommendation.spec import InputSpec, ModelHParams
from ondevice_rec.schemas.errors import UserError

INPUT_SPEC = """
    activity_feature_groups {
      features { feature_name: "context_item" feature_type: STRING vocab_size: 30
                 embedding_dim: 8 feature_length: 5 }
      features { feature_name: "context_genre" feature_type: STRING vocab_size: 4
                 embedding_dim: 2 feature_length: 5 }
      encoder_type: CNN }
    activity_feature_groups {
      features { feature_name: "context_year" feature_type: INT vocab_size: 9
                 embedding_dim: 2 feature_length: 3 } }
    global_feature_groups {
      features { feature_name: "age" feature_type: FLOAT feature_length: 1 } }
    label_feature { feature_name: "label_item" feature_type: STRING vocab_size: 30
                    embedding_dim: 8 }
"""
# Linear: a relu that is dead would give all items one score.
HPARAMS = ModelHParams(
    [16], [10], [1], 2, 4, num_predictions=12, projection_activation="linear"
)
VOCABULARIES = {
    "item": ["[OOV]", *(f"m{id_}" for id_ in range(1, 30))],
    "genre": ["[OOV]", "Comedy", "Drama", "Western"],
}
GENRES = [("Drama", "Comedy", "Western")[i % 3] for i in range(40)]
TITLES = {f"m{id_}": f"Film {id_}" for id_ in range(1, 20)}


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recommender]:
    """The same weights four times, and the `.tflite` file's path under "path"."""
    keras.utils.set_random_seed(3)
    folder = tmp_path_factory.mktemp("forms")
    spec = text_format.Parse(INPUT_SPEC, InputSpec())
    model = RecommendationModel(spec, HPARAMS)
    export.save(model, str(folder / "saved"), VOCABULARIES, TITLES)
    tflite = export.convert_to_tflite(str(folder / "saved"))
    (folder / "model.tflite").write_bytes(tflite)

    def write(version: Path) -> None:
        (version / "model.tflite").write_bytes(tflite)
        for name, text in export.load_assets(str(folder / "saved")).files().items():
            (version / name).parent.mkdir(exist_ok=True)
            (version / name).write_text(text, encoding="utf-8", newline="\n")

    publish(folder / "serving", write, {"vocab_size": 30, "num_predictions": 12})
    return {
        "keras": Recommender.from_keras(model, VOCABULARIES, TITLES),
        "saved_model": Recommender.from_saved_model(folder / "saved"),
        "tflite": Recommender.from_tflite(folder / "model.tflite"),
        "version": Recommender.from_version(folder / "serving"),
    }


@pytest.mark.parametrize(
    ("history", "exclude_seen"),
    [
        (["m3"], False),
        (["m29", "new here", "m7"], True),
        # More than fit.
        ([f"m{i}" for i in range(1, 12)], False),
    ],
)
def test_every_form_recommends_the_same(
    forms: dict[str, Recommender], history: list[str], exclude_seen: bool
) -> None:
    features = {"context_genre": GENRES[: len(history)], "age": [0.3]}
    expected = forms["keras"].recommend(history, 10, exclude_seen, features)
    assert len({item.score for item in expected}) == len(expected) >= 9
    for item in expected:
        assert item.key == f"m{item.id}"
        assert item.title == (f"Film {item.id}" if item.id < 20 else item.key)
    for recommender in forms.values():
        found = recommender.recommend(history, 10, exclude_seen, features)
        assert [(i.id, i.key, i.title) for i in found] == [
            (i.id, i.key, i.title) for i in expected
        ]
        assert [i.score for i in found] == pytest.approx(
            [i.score for i in expected], abs=1e-6
        )
        assert recommender.unknown(history) == [key for key in history if " " in key]


def test_a_batch_gives_what_each_history_gives(forms: dict[str, Recommender]) -> None:
    histories = [["m3"], ["m29", "new here", "m7"], [f"m{i}" for i in range(1, 12)]]
    features = [
        {"context_genre": GENRES[: len(history)], "age": [0.1 * i]}
        for i, history in enumerate(histories)
    ]
    for recommender in forms.values():
        found = recommender.recommend_batch(histories, 7, True, features)
        expected = [
            recommender.recommend(history, 7, True, given)
            for history, given in zip(histories, features, strict=True)
        ]
        for items, single in zip(found, expected, strict=True):
            assert [item.key for item in items] == [item.key for item in single]
            assert [item.score for item in items] == pytest.approx(
                [item.score for item in single], abs=1e-6
            )
        assert recommender.recommend_batch([]) == []
        with pytest.raises(UserError, match=r"one for each of the 3 histories.* 1"):
            recommender.recommend_batch(histories, features=features[:1])


def test_only_the_latest_events_count(forms: dict[str, Recommender]) -> None:
    keys = [f"m{i}" for i in range(1, 12)]

    def latest(recommender: Recommender, count: int) -> list[RecommendedItem]:
        genre = GENRES[11 - count : 11]
        return recommender.recommend(keys[-count:], features={"context_genre": genre})

    for recommender in forms.values():
        assert latest(recommender, 11) == latest(recommender, 5)
        assert latest(recommender, 5) != latest(recommender, 4)


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    spec = text_format.Parse(INPUT_SPEC, InputSpec())
    return Inputs(ModelAssets(spec, HPARAMS, VOCABULARIES))


def test_the_inputs_hold_what_is_known_and_0_for_the_rest(inputs: Inputs) -> None:
    found = inputs.fill(
        [1, 2, 3, 0, 5, 6],
        {"context_genre": ["Drama", "?", "Western"], "context_year": [1, 2, 3, 4]},
    )
    assert {
        name: (values.dtype, values.tolist()) for name, values in found.items()
    } == {
        # The latest five, oldest first.
        "context_item": (np.int32, [2, 3, 0, 5, 6]),
        # Ids of the keys, unknown ones 0, padding behind them.
        "context_genre": (np.int32, [2, 0, 3, 0, 0]),
        # A column without a vocabulary takes ids.
        "context_year": (np.int32, [2, 3, 4]),
        "age": (np.float32, [0.0]),
    }
    # A user's values are the first, not the latest.
    found = inputs.fill([1], {"context_genre": [], "age": [18, 19]})
    assert found["age"].tolist() == [18]


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({}, "must hold context_genre: the model reads no item without it"),
        ({"genre": []}, "of age, context_genre, context_year, received genre"),
        ({"context_item": []}, "of age, context_genre, context_year, received context"),
        ({"context_genre": "Drama"}, "must be a list of values, received 'Drama'"),
        ({"context_genre": [], "age": ["old"]}, "`age` must hold numbers: .*'old'"),
        ({"context_genre": [], "context_year": [9]}, "ids from 0 to 8, received 9"),
        ({"context_genre": [], "context_year": [1.5]}, "ids from 0 to 8, received 1.5"),
    ],
)
def test_features_that_do_not_suit_are_errors(
    inputs: Inputs, features: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        inputs.fill([1], features)


def test_a_file_without_a_vocabulary_is_an_error(
    tflite_model: bytes, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(tflite_model)
    with pytest.raises(UserError, match=r"bare.tflite has no vocab.txt, labels.tsv"):
        Recommender.from_tflite(bare)
    with pytest.raises(UserError, match=r"No file .*absent"):
        Recommender.from_tflite(tmp_path / "absent")
    with pytest.raises(UserError, match=r"assets.extra has no vocab.txt"):
        Recommender.from_saved_model(tmp_path)


def test_a_model_that_reads_no_items_is_an_error() -> None:
    spec = text_format.Parse(INPUT_SPEC, InputSpec())
    del spec.activity_feature_groups[0]
    model = RecommendationModel(spec, HPARAMS)
    with pytest.raises(UserError, match=r"reads column `item`, received the inputs"):
        Recommender.from_keras(model, VOCABULARIES)


def test_a_missing_vocabulary_is_an_error(forms: dict[str, Recommender]) -> None:
    spec = text_format.Parse(INPUT_SPEC, InputSpec())
    model = RecommendationModel(spec, HPARAMS)
    with pytest.raises(UserError, match=r"items' keys, under `item`, received genre"):
        Recommender.from_keras(model, {"genre": VOCABULARIES["genre"]})


def test_a_version_is_used_without_tensorflow(
    tmp_path: Path, write_version: Callable[[Path], None], facts: dict[str, Any]
) -> None:
    pytest.importorskip("ai_edge_litert")
    publish(tmp_path, write_version, facts)
    code = (
        "import sys\n"
        "from ondevice_rec.recommendation.recommender import Recommender\n"
        "found = Recommender.from_version(sys.argv[1]).recommend(['a'])\n"
        "print([item.key for item in found])\n"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:2] == ["['a', 'b', 'c']", "set()"]
