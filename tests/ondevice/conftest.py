"""A version folder with a model small enough to work out by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

KEYS = ["[OOV]", "a", "b", "c", "d"]
INPUT_SPEC = """
    activity_feature_groups {
      features { feature_name: "context_item" feature_type: STRING vocab_size: 5
                 embedding_dim: 2 feature_length: 3 } }
    global_feature_groups {
      features { feature_name: "age" feature_type: FLOAT feature_length: 1 } }
    label_feature { feature_name: "label_item" feature_type: STRING vocab_size: 5
                    embedding_dim: 2 }
"""
HPARAMS = """{"hidden_layer_dims": [2], "eval_top_k": [1], "conv_num_filter_ratios": [],
"conv_kernel_size": 1, "lstm_num_units": 1, "num_predictions": 3}
"""
TITLES = ["[OOV]", "Alpha", "Beta\u2028two", "Gamma", "Delta"]


@pytest.fixture
def facts() -> dict[str, Any]:
    """What the manifest says of the version."""
    return {
        "package_version": "0.1.0",
        "vocab_size": 5,
        "num_predictions": 3,
        "item_column": "item",
        "inputs": [
            {"name": "context_item", "shape": [3], "dtype": "int32", "column": "item"},
            {"name": "age", "shape": [1], "dtype": "float32", "column": "age"},
        ],
    }


@pytest.fixture
def write_lists() -> Callable[[Path], None]:
    """Writes the vocabulary, the labels, the input spec and the hyper-parameters."""
    return _write_lists


def _write_lists(folder: Path) -> None:
    lines = "".join(key + "\n" for key in KEYS)
    (folder / "vocab.txt").write_text(lines, encoding="utf-8")
    rows = [f"{id_}\t{KEYS[id_]}\t{TITLES[id_]}" for id_ in range(1, 5)]
    text = "\n".join(["id\tkey\ttitle", *rows]) + "\n"
    (folder / "labels.tsv").write_text(text, encoding="utf-8")
    (folder / "input_spec.pbtxt").write_text(INPUT_SPEC, encoding="utf-8")
    (folder / "hparams.json").write_text(HPARAMS, encoding="utf-8")


@pytest.fixture(scope="session")
def tflite_model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Scores item i by how far its id is from the last one of the history.

    `-|i - last|`, so that after "a" come a, b, c; the score is the sigmoid of it.
    """
    import tensorflow as tf

    @tf.function(
        input_signature=[
            tf.TensorSpec([3], tf.int32, name="context_item"),
            tf.TensorSpec([1], tf.float32, name="age"),
        ]
    )
    def serve(context_item: tf.Tensor, age: tf.Tensor) -> dict[str, tf.Tensor]:
        length = tf.reduce_sum(tf.cast(context_item > 0, tf.int32))
        last = tf.cast(tf.gather(context_item, tf.maximum(length - 1, 0)), tf.float32)
        scores = -tf.abs(tf.range(1.0, 5.0) - last) + age[0] * 0.0
        top, ids = tf.math.top_k(scores, 3)
        return {
            "top_prediction_ids": ids + 1,
            "top_prediction_scores": tf.sigmoid(top),
        }

    module = tf.Module()
    module.serve = serve
    folder = str(tmp_path_factory.mktemp("saved_model"))
    tf.saved_model.save(module, folder, signatures={"serving_default": serve})
    content: bytes = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
    return content


@pytest.fixture
def write_version(tflite_model: bytes) -> Callable[[Path], None]:
    """Writes everything but the manifest."""

    def write(folder: Path) -> None:
        (folder / "model.tflite").write_bytes(tflite_model)
        _write_lists(folder)

    return write
