"""Writes the timelines of a partition: one file for each split."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence

import tensorflow as tf
from tfx.dsl.io import fileio

STAGING = ".staging"
_LEVEL = 1


def split_folder(uri: str, split: str) -> str:
    """Returns the folder of a split, as TFX names it."""
    return os.path.join(uri, f"Split-{split}")


def write(
    uri: str,
    split: str,
    number: int,
    total: int,
    records: Sequence[bytes],
    prefix: str = "data_tfrecord",
) -> None:
    """Writes shard `number` of `total`; writing it again gives the same file."""
    folder = split_folder(uri, split)
    name = f"{prefix}-{number:05d}-of-{total:05d}.gz"
    staging = os.path.join(uri, STAGING)
    fileio.makedirs(folder)
    fileio.makedirs(staging)
    partial = os.path.join(staging, f"{split}-{name}-{uuid.uuid4().hex}")
    options = tf.io.TFRecordOptions("GZIP", compression_level=_LEVEL)
    with tf.io.TFRecordWriter(partial, options) as writer:
        for record in records:
            writer.write(record)
    fileio.rename(partial, os.path.join(folder, name), overwrite=True)


def remove_staging(uri: str) -> None:
    """Removes what workers that were killed have left."""
    staging = os.path.join(uri, STAGING)
    if fileio.exists(staging):
        fileio.rmtree(staging)
