"""Reads the events of transformed timelines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from ondevice_rec.recommendation.hashing import mix
from ondevice_rec.schemas import timeline

_PARSED_TIMELINES = 4096
_HASHES = (1 << 63) - 1


def user_hashes(users: tf.Tensor) -> np.ndarray:
    """A hash of each user's key, uint64 below 2^63, the same everywhere."""
    hashes = tf.strings.to_hash_bucket_fast(users, _HASHES)
    return hashes.numpy().astype(np.uint64)


@dataclass(frozen=True)
class Events:
    """Events of a batch of timelines whose item is in the vocabulary.

    Attributes:
      users: uint64 `[events]`, hash of the user.
      hashes: uint64 `[events]`, hash of user, moment and item.
      is_target: bool `[events]`; events of the overlap are none.
    """

    users: np.ndarray
    hashes: np.ndarray
    is_target: np.ndarray


@dataclass(frozen=True)
class Timelines:
    """A batch of timelines as they were read.

    Attributes:
      items: int64 `[events]`.
      row_splits: int64 `[timelines + 1]`.
      overlap: int64 `[timelines]`.
      events: Who did what when.
    """

    items: np.ndarray
    row_splits: np.ndarray
    overlap: np.ndarray
    events: Events


def read(path: str, column: str) -> Iterator[Timelines]:
    """Reads a file of transformed timelines, batch after batch."""
    features = {
        timeline.USER: tf.io.FixedLenFeature([], tf.string, ""),
        timeline.OVERLAP: tf.io.FixedLenFeature([], tf.int64, 0),
    }
    features |= {
        name: tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64)
        for name in (column, timeline.TIMESTAMP, timeline.TARGET)
    }
    records = tf.data.TFRecordDataset([path], "GZIP").batch(_PARSED_TIMELINES)
    for batch in records:
        parsed = tf.io.parse_example(batch, features)
        items = parsed[column]
        ids, rows = items.flat_values.numpy(), items.value_rowids().numpy()
        splits, overlap = items.row_splits.numpy(), parsed[timeline.OVERLAP].numpy()
        users = user_hashes(parsed[timeline.USER])[rows]
        moments = parsed[timeline.TIMESTAMP].flat_values.numpy().astype(np.uint64)
        own = np.arange(len(ids)) - splits[rows] >= overlap[rows]
        is_target = own & (parsed[timeline.TARGET].flat_values.numpy() == 1)
        known = ids != timeline.OOV_ID
        happened = mix(mix(users + mix(moments)) + ids.astype(np.uint64))
        events = Events(users[known], happened[known], is_target[known])
        yield Timelines(ids, splits, overlap, events)
