"""Timelines in TFRecord files (gzip), one tf.train.Example each, read whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ondevice_rec.schemas.errors import UserError

_BATCH = 2048
_ZERO = np.zeros(1, np.int64)
_NOTHING = {
    tf.int64: np.zeros(0, np.int64),
    tf.float32: np.zeros(0, np.float32),
    tf.string: np.zeros(0, object),
}


class Ragged(NamedTuple):
    """Values of several rows, one after the other.

    Attributes:
      values: int64, float32 or bytes.
      row_splits: int64 `[rows + 1]`: where each row begins.
    """

    values: np.ndarray
    row_splits: np.ndarray


def example(columns: Mapping[str, np.ndarray | Sequence[bytes]]) -> tf.train.Example:
    """An Example of integers, floats or bytes by column."""
    features = {name: feature(values) for name, values in columns.items()}
    return tf.train.Example(features=tf.train.Features(feature=features))


def writer(path: str) -> tf.io.TFRecordWriter:
    """Writes serialized Examples to a new file."""
    return tf.io.TFRecordWriter(path, "GZIP")


def feature(values: np.ndarray | Sequence[bytes]) -> tf.train.Feature:
    """One column of an Example."""
    if not isinstance(values, np.ndarray):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    if values.dtype.kind == "f":
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def kinds(files: Sequence[str]) -> dict[str, str | None]:
    """What the first Example's columns hold: "int64_list", ...; None if empty.

    Raises:
      UserError: the files cannot be read or hold no Example.
    """
    try:
        for record in _records(files).take(1).as_numpy_iterator():
            features = tf.train.Example.FromString(record).features.feature
            return {name: features[name].WhichOneof("kind") for name in features}
    except tf.errors.OpError as error:
        raise UserError(
            f"{files[0]} cannot be read: {error.message} Pass TFRecord files (gzip) "
            "of timelines."
        ) from error
    raise UserError(f"{files[0]} holds no timeline. Is the split empty?")


def read(files: Sequence[str], dtypes: Mapping[str, tf.DType]) -> dict[str, Ragged]:
    """Reads columns of every Example.

    Args:
      files: In this order.
      dtypes: tf.int64, tf.float32 or tf.string of each column; a column that an
        Example lacks is an empty row.
    """
    features = {
        name: tf.io.RaggedFeature(dtype, row_splits_dtype=tf.int64)
        for name, dtype in dtypes.items()
    }
    parts: dict[str, list[np.ndarray]] = {name: [] for name in dtypes}
    lengths: dict[str, list[np.ndarray]] = {name: [] for name in dtypes}
    for batch in _records(files).batch(_BATCH):
        for name, ragged in tf.io.parse_example(batch, features).items():
            parts[name].append(ragged.flat_values.numpy())
            lengths[name].append(ragged.row_lengths().numpy())
    return {
        name: Ragged(
            np.concatenate([_NOTHING[dtype], *parts[name]]),
            np.concatenate([_ZERO, *lengths[name]]).cumsum(),
        )
        for name, dtype in dtypes.items()
    }


def _records(files: Sequence[str]) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(list(files), "GZIP", buffer_size=1 << 20)
