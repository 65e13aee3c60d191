"""Transformed timelines and small specs, for the tests of the library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tensorflow as tf
from google.protobuf import text_format

from ondevice_rec.recommendation.spec import InputSpec, ModelHParams


def timeline(
    item: Sequence[int],
    target: Sequence[int] | None = None,
    user: str = "u",
    overlap: int = 0,
    **columns: Sequence[float],
) -> dict[str, Any]:
    """A timeline whose timestamps are 100, 101, ...; all events are targets."""
    return {
        "user": [user.encode()],
        "item": item,
        "timestamp": [100 + i for i in range(len(item))],
        "target": [1] * len(item) if target is None else target,
        "overlap": [overlap],
        **columns,
    }


def write(path: Path, timelines: Iterable[Mapping[str, Any]]) -> str:
    """Writes them to one TFRecord file and returns its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for columns in timelines:
            features = {name: _feature(values) for name, values in columns.items()}
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    return str(path)


def _feature(values: Sequence[Any]) -> tf.train.Feature:
    if any(isinstance(value, bytes) for value in values):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    if any(isinstance(value, float) for value in values):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def input_spec(groups: str, vocab_size: int = 20, embedding_dim: int = 4) -> InputSpec:
    """A spec of these groups (text format) that predicts the item."""
    label = (
        'label_feature { feature_name: "label_item" feature_type: STRING '
        f"vocab_size: {vocab_size} embedding_dim: {embedding_dim} }}"
    )
    return text_format.Parse(f"{groups} {label}", InputSpec())


def item_group(
    length: int, encoder: str = "BOW", vocab_size: int = 20, embedding_dim: int = 4
) -> str:
    """One activity group with the items of the context."""
    return (
        'activity_feature_groups { features { feature_name: "context_item" '
        f"feature_type: STRING vocab_size: {vocab_size} embedding_dim: {embedding_dim} "
        f"feature_length: {length} }} encoder_type: {encoder} }}"
    )


def hparams(**changes: Any) -> ModelHParams:
    """Small hyper-parameters."""
    values: dict[str, Any] = {
        "hidden_layer_dims": [6],
        "eval_top_k": [1, 5],
        "conv_num_filter_ratios": [1, 2],
        "conv_kernel_size": 3,
        "lstm_num_units": 5,
        "num_predictions": 3,
    }
    return ModelHParams(**{**values, **changes})


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """The functions above: test modules cannot import one another."""
    return SimpleNamespace(
        timeline=timeline,
        write=write,
        input_spec=input_spec,
        item_group=item_group,
        hparams=hparams,
    )
