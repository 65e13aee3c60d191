"""What cannot be used is refused in words, or answered as is documented."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ondevice_rec.recommendation.ondevice.associated_files import pack
from ondevice_rec.recommendation.ondevice.interpreter import Interpreter
from ondevice_rec.recommendation.ondevice.publish import publish
from ondevice_rec.recommendation.recommender import Recommender
from ondevice_rec.schemas.errors import UserError

Write = Callable[[Path], None]


@pytest.fixture
def recommender(
    tmp_path: Path, write_version: Write, facts: dict[str, Any]
) -> Recommender:
    """Of a version that knows what is popular: c, then a, then d."""

    def write(folder: Path) -> None:
        write_version(folder)
        (folder / "popular.json").write_text("[[3,50],[1,30],[4,20]]\n")

    publish(tmp_path, write, facts)
    return Recommender.from_version(tmp_path)


@pytest.fixture
def packed(tmp_path: Path, write_version: Write) -> dict[str, str]:
    """What a `.tflite` file holds beside the model."""
    (tmp_path / "files").mkdir()
    write_version(tmp_path / "files")
    names = ("vocab.txt", "labels.tsv", "input_spec.pbtxt", "hparams.json")
    return {
        name: (tmp_path / "files" / name).read_text(encoding="utf-8") for name in names
    }


@pytest.mark.parametrize("history", [[], ["x", "y"], ["[OOV]"]])
def test_a_history_that_says_nothing_is_answered_by_what_is_popular(
    recommender: Recommender, history: list[str]
) -> None:
    found = recommender.recommend(history)
    assert [(item.key, item.title) for item in found] == [
        ("c", "Gamma"),
        ("a", "Alpha"),
        ("d", "Delta"),
    ]
    # Shares of the events.
    assert [item.score for item in found] == [0.5, 0.3, 0.2]
    assert found == recommender.popular
    assert recommender.recommend(history, 1) == found[:1]


def test_in_a_batch_only_those_without_a_history_get_what_is_popular(
    recommender: Recommender,
) -> None:
    found = recommender.recommend_batch([[], ["d"], ["x"], ["a", "x"]])
    assert [[item.key for item in items] for items in found] == [
        ["c", "a", "d"],
        ["d", "c", "b"],
        ["c", "a", "d"],
        # An unknown key has id 0, which this model takes for the end.
        ["a", "b", "c"],
    ]


def test_keys_that_are_no_text_are_an_error(recommender: Recommender) -> None:
    with pytest.raises(UserError, match=r"keys as text, received 3, int"):
        recommender.recommend([3])  # type: ignore[list-item]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 64,
        b"<!doctype html><title>404 Not Found</title>" * 20,
        b"\x1c\0\0\0TFL3" + bytes(range(256)) * 8,
    ],
)
def test_what_is_no_flatbuffer_is_an_error(
    content: bytes, packed: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(pack(content, packed))
    with pytest.raises(UserError, match=r"are no TFLite model"):
        Recommender.from_tflite(path)


def test_a_flatbuffer_that_is_cut_off_is_an_error(
    tflite_model: bytes, packed: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "model.tflite"
    for part in (0.1, 0.5, 0.9):
        path.write_bytes(pack(tflite_model[: int(len(tflite_model) * part)], packed))
        with pytest.raises(UserError, match=r"are no TFLite model"):
            Recommender.from_tflite(path)
    # The download ended amid what is packed: no archive, so no vocabulary.
    path.write_bytes(pack(tflite_model, packed)[:-30])
    with pytest.raises(UserError, match=r"has no vocab.txt"):
        Recommender.from_tflite(path)


def test_a_packed_vocabulary_of_the_wrong_length_is_an_error(
    tflite_model: bytes, packed: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "model.tflite"
    short = packed | {"vocab.txt": "[OOV]\na\nb\nc\n", "labels.tsv": "id\tkey\ttitle\n"}
    path.write_bytes(pack(tflite_model, short))
    with pytest.raises(UserError, match=r"of `item` must hold 5 keys.*received 4"):
        Recommender.from_tflite(path)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"context_item": np.zeros(3, np.int64)}, "INT64.*INT32"),
        ({"context_item": np.zeros(3, np.float32)}, "FLOAT32.*INT32"),
        (
            {"context_item": np.zeros(4, np.int32)},
            r"`context_item` must have the shape \(3,\), received \(4,\)",
        ),
    ],
)
def test_inputs_of_the_wrong_dtype_or_shape_are_errors(
    tflite_model: bytes, features: dict[str, np.ndarray], message: str
) -> None:
    interpreter = Interpreter(tflite_model)
    given = {"context_item": np.zeros(3, np.int32), "age": np.zeros(1, np.float32)}
    with pytest.raises(ValueError, match=message):
        interpreter(given | features)
    # It still serves.
    ids, _ = interpreter(given)
    assert ids.dtype == np.int32


def test_a_model_without_the_signature_is_an_error(
    tmp_path: Path, packed: dict[str, str]
) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.f = tf.function(
        lambda x: {"y": x + 1.0}, input_signature=[tf.TensorSpec([1], tf.float32)]
    )
    tf.saved_model.save(module, str(tmp_path / "m"), signatures={"other": module.f})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "m"))
    path = tmp_path / "model.tflite"
    path.write_bytes(pack(converter.convert(), packed))
    with pytest.raises(UserError, match=r"signature 'serving_default', received"):
        Recommender.from_tflite(path)


def test_a_model_without_a_batch_signature_answers_one_by_one(
    tflite_model: bytes,
) -> None:
    interpreter = Interpreter(tflite_model)
    features = {
        "context_item": np.array([[4, 0, 0], [1, 0, 0]], np.int32),
        "age": np.zeros((2, 1), np.float32),
    }
    ids, scores = interpreter.batch(features)
    assert ids.tolist() == [[4, 3, 2], [1, 2, 3]]
    assert scores.shape == (2, 3)
