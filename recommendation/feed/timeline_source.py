"""Where the input functions read timelines from: files, or memory."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Protocol, Union

import numpy as np
import tensorflow as tf

from ondevice_rec.recommendation.feed.timelines import Timelines
from ondevice_rec.schemas import timeline
from ondevice_rec.schemas.errors import UserError

# TFRecord files (gzip) of transformed timelines, or timelines in memory.
Source = Union[Sequence[str], Timelines]  # noqa: UP007

# Timelines that are parsed, and whose windows are shuffled, together.
BLOCK_TIMELINES = 2048
_SHUFFLE_BUFFER = 65536

# `user` and `overlap`, one value a timeline; every other column is ragged.
Columns = dict[str, "tf.Tensor | tf.RaggedTensor"]

# Converting Python control flow, of which there is none, takes seconds.
as_is = tf.autograph.experimental.do_not_convert


def timeline_files(split_dir: str) -> list[str]:
    """The TFRecord files of a split, sorted.

    Args:
      split_dir: Folder such as `.../Split-train`.

    Raises:
      UserError: the folder holds no file.
    """
    files = sorted(tf.io.gfile.glob(os.path.join(split_dir, "*")))
    if not files:
        raise UserError(
            f"No timelines in {split_dir}. Does the log have enough events for the "
            "`split` asked for?"
        )
    return files


class TimelineSource(Protocol):
    """Gives out blocks of timelines."""

    def kinds(self) -> Mapping[str, str | None]:
        """The columns: "int64_list", "float_list", "bytes_list", None if empty."""

    def blocks(self, seed: int | None, block_timelines: int) -> tf.data.Dataset:
        """`(block, seed of the block's order, -1 for none)`; `columns` opens a block.

        Args:
          seed: Decides the order of the timelines, another one every epoch; None
            keeps theirs.
          block_timelines: Timelines in a block.
        """

    def columns(self, block: tf.Tensor, wanted: Mapping[str, tf.DType]) -> Columns:
        """The wanted columns of a block, `user`, `overlap` and others ragged."""


def open_source(source: Source) -> TimelineSource:
    """What reads from `source`.

    Raises:
      UserError: there are no files or no timelines.
    """
    return _Memory(source) if isinstance(source, Timelines) else _Files(source)


def _with_orders(blocks: tf.data.Dataset, seed: int | None) -> tf.data.Dataset:
    if seed is None:
        orders = tf.data.Dataset.from_tensors(tf.constant(-1, tf.int64)).repeat()
    else:
        orders = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)
    return tf.data.Dataset.zip((blocks, orders))


class _Files:
    def __init__(self, files: Sequence[str]) -> None:
        if not files:
            raise UserError("`files` must name a TFRecord file, received none.")
        self._files = list(files)
        self._first = self._first_timeline()

    def kinds(self) -> Mapping[str, str | None]:
        features = self._first.features.feature
        return {name: features[name].WhichOneof("kind") for name in features}

    def blocks(self, seed: int | None, block_timelines: int) -> tf.data.Dataset:
        records = self._records()
        if seed is not None:
            records = records.shuffle(_SHUFFLE_BUFFER, seed=seed)
        return _with_orders(records.batch(block_timelines), seed)

    def columns(self, block: tf.Tensor, wanted: Mapping[str, tf.DType]) -> Columns:
        features = {
            timeline.USER: tf.io.FixedLenFeature([], tf.string),
            timeline.OVERLAP: tf.io.FixedLenFeature([], tf.int64, 0),
        }
        for name, dtype in wanted.items():
            features[name] = tf.io.RaggedFeature(dtype, row_splits_dtype=tf.int64)
        return tf.io.parse_example(block, features)

    def _records(self) -> tf.data.Dataset:
        return tf.data.TFRecordDataset(self._files, "GZIP", buffer_size=1 << 20)

    def _first_timeline(self) -> tf.train.Example:
        for record in self._records().take(1).as_numpy_iterator():
            return tf.train.Example.FromString(record)
        raise UserError(
            f"No timeline in {self._files[0]} and the files beside it. Does the log "
            "have enough events for the `split` asked for?"
        )


class _Memory:
    def __init__(self, timelines: Timelines) -> None:
        if not len(timelines):
            raise UserError(
                "There are no timelines. Does the log have enough events for the "
                "`split` asked for?"
            )
        self._users = tf.constant(list(timelines.users), tf.string)
        events = timelines.row_splits
        ragged = {
            timeline.TIMESTAMP: (timelines.timestamp, events),
            timeline.TARGET: (timelines.target, events),
            **timelines.user_columns,
        }
        for name, values in timelines.columns.items():
            lengths = timelines.lengths.get(name)
            if lengths is None:
                ragged[name] = (values, events)
            else:
                ragged[name + timeline.LENGTHS_SUFFIX] = (lengths, events)
                before = np.concatenate([[0], np.cumsum(lengths)])
                ragged[name] = (values, before[events])
        self._ragged = {
            name: tf.RaggedTensor.from_row_splits(
                tf.constant(
                    values, tf.float32 if values.dtype.kind == "f" else tf.int64
                ),
                tf.constant(splits, tf.int64),
                validate=False,
            )
            for name, (values, splits) in ragged.items()
        }

    def kinds(self) -> Mapping[str, str | None]:
        return {
            name: "float_list" if ragged.dtype == tf.float32 else "int64_list"
            for name, ragged in self._ragged.items()
        }

    def blocks(self, seed: int | None, block_timelines: int) -> tf.data.Dataset:
        count = len(self._users)
        numbers = tf.data.Dataset.range(count)
        if seed is not None:
            numbers = numbers.shuffle(count, seed=seed)
        return _with_orders(numbers.batch(block_timelines), seed)

    def columns(self, block: tf.Tensor, wanted: Mapping[str, tf.DType]) -> Columns:
        return {
            timeline.USER: tf.gather(self._users, block),
            timeline.OVERLAP: tf.zeros_like(block),
            **{name: tf.gather(self._ragged[name], block) for name in wanted},
        }
