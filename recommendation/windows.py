"""The input function: windows of transformed timelines, see docs/architecture.md.

One `parse_example` and one vectorised gather per batch, nothing per window. What is
shuffled are the places where windows end; the windows are cut last.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ondevice_rec.recommendation.spec import Feature, InputSpec
from ondevice_rec.schemas import input_spec_check, timeline
from ondevice_rec.schemas.errors import UserError

# Timelines that are parsed, and whose windows are shuffled, together.
BLOCK_TIMELINES = 2048
_SHUFFLE_BUFFER = 65536
# Windows are gathered in pieces of at most this many values: copying pieces costs a
# third of gathering value by value, and holds this many times the column in memory.
_PIECE = 32

Block = dict[str, tf.Tensor]

# Converting Python control flow, of which there is none, takes seconds.
_as_is = tf.autograph.experimental.do_not_convert


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


def training_windows(
    files: Sequence[str],
    input_spec: InputSpec,
    batch_size: int,
    *,
    seed: int | None = None,
    repeat: bool = False,
    block_timelines: int = BLOCK_TIMELINES,
) -> tf.data.Dataset:
    """Windows to learn from: targets without a context or out-of-vocabulary left out.

    Args:
      files: TFRecord files (gzip) of transformed timelines.
      input_spec: Features to make.
      batch_size: Windows per batch; the last one of a block may be smaller.
      seed: Decides the order, another one every epoch; None keeps that of the files.
      repeat: Never ends.
      block_timelines: Timelines whose windows are shuffled among each other.

    Returns:
      Batches `(features, label)`: per feature name `[batch, feature_length]` int32
      ids or float32, and int32 `[batch]`.

    Raises:
      UserError: no files, no timelines, or a column is missing or not transformed.
    """
    reader = _Reader(files, input_spec)
    blocks = reader.blocks(seed, block_timelines)
    if repeat:
        blocks = blocks.repeat()
    blocks = blocks.map(
        _as_is(lambda records, order: reader.flatten(records, order, training=True)),
        num_parallel_calls=2,
    )
    return _batches(
        blocks,
        reader.cut,
        batch_size,
    )


def evaluation_windows(
    files: Sequence[str], input_spec: InputSpec, batch_size: int
) -> tf.data.Dataset:
    """Windows to measure on, in the order of the files.

    Out-of-vocabulary labels are kept, as id 0. Targets without an earlier event are
    left out: there is nothing to predict them from.

    Args:
      files: TFRecord files (gzip) of transformed timelines.
      input_spec: Features to make.
      batch_size: Windows per batch; the last one of a block may be smaller.

    Returns:
      Batches `(features, label, query)`, the first two as `training_windows`'; `query`
      has `user` (string), `timestamp` (int64, the target's) and `history_length`
      (int32, the timeline's events before the target), each `[batch]`.

    Raises:
      UserError: as `training_windows`.
    """
    reader = _Reader(files, input_spec)
    blocks = reader.blocks(None, BLOCK_TIMELINES).map(
        _as_is(lambda records, order: reader.flatten(records, order, training=False))
    )
    return _batches(
        blocks,
        _as_is(
            lambda block, places: (*reader.cut(block, places), _query(block, places))
        ),
        batch_size,
    )


def count_training_windows(files: Sequence[str], input_spec: InputSpec) -> int:
    """Number of windows in one epoch of `training_windows`."""
    reader = _Reader(files, input_spec)
    blocks = reader.blocks(None, BLOCK_TIMELINES).map(
        _as_is(
            lambda records, order: tf.size(
                reader.flatten(records, order, training=True)["label"], tf.int64
            )
        )
    )
    return sum(int(count) for count in blocks)


def _batches(
    blocks: tf.data.Dataset, cut: Callable[..., Any], batch_size: int
) -> tf.data.Dataset:
    @_as_is
    def places(block: Block) -> tf.data.Dataset:
        windows = tf.size(block["label"], tf.int64)
        starts = tf.data.Dataset.range(0, windows, batch_size)
        # The block's tensors are shared by the elements, not copied.
        return tf.data.Dataset.zip(
            (tf.data.Dataset.from_tensors(block).repeat(), starts)
        )

    batches = blocks.flat_map(places).map(
        _as_is(lambda block, start: cut(block, (start, start + batch_size))),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    # Without `rebatch`, whose slices make TensorFlow log an error each.
    return batches.prefetch(tf.data.AUTOTUNE)


@dataclasses.dataclass(frozen=True)
class _Column:
    """A feature and where its values lie."""

    name: str
    column: str
    length: int
    dtype: tf.DType
    is_global: bool
    lengths: str | None


class _Reader:
    """Reads timelines of one layout."""

    def __init__(self, files: Sequence[str], input_spec: InputSpec) -> None:
        if not files:
            raise UserError("`files` must name a TFRecord file, received none.")
        self._files = list(files)
        first = self._first_timeline()
        self._label = input_spec_check.source_column(input_spec.label_feature)
        self._columns = [
            _column(feature, is_global, first)
            for is_global, groups in (
                (True, input_spec.global_feature_groups),
                (False, input_spec.activity_feature_groups),
            )
            for group in groups
            for feature in group.features
        ]
        for name in (self._label, timeline.TARGET, timeline.OVERLAP):
            _check_kind(first, name, "int64_list")
        self._features = {
            timeline.USER: tf.io.FixedLenFeature([], tf.string),
            timeline.OVERLAP: tf.io.FixedLenFeature([], tf.int64, 0),
            timeline.TIMESTAMP: _ragged(tf.int64),
            timeline.TARGET: _ragged(tf.int64),
            self._label: _ragged(tf.int64),
        }
        for column in self._columns:
            ids = column.dtype == tf.int32
            self._features[column.column] = _ragged(tf.int64 if ids else tf.float32)
            if column.lengths:
                self._features[column.lengths] = _ragged(tf.int64)

    def blocks(self, seed: int | None, block_timelines: int) -> tf.data.Dataset:
        """`(records [timelines], seed of the block's order [2], -1 for none)`."""
        records = self._records()
        if seed is not None:
            records = records.shuffle(_SHUFFLE_BUFFER, seed=seed)
            seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)
        else:
            seeds = tf.data.Dataset.from_tensors(tf.constant(-1, tf.int64)).repeat()
        return tf.data.Dataset.zip((records.batch(block_timelines), seeds))

    def flatten(self, records: tf.Tensor, order: tf.Tensor, training: bool) -> Block:
        """A block's values, and where each window begins and ends in them.

        Returns:
          `pieces/<feature>`, see `_pieces`; `begin/<feature>`,
          `end/<feature>`, `label` and, unless for training, the query's `user`,
          `timestamp`, `history_length`: one per window, in the order they are given
          out.
        """
        parsed = tf.io.parse_example(records, self._features)
        target = parsed[timeline.TARGET]
        rows = tf.cast(target.value_rowids(), tf.int32)
        starts = tf.gather(tf.cast(target.row_splits, tf.int32), rows)
        position = tf.range(tf.size(rows)) - starts
        overlap = tf.cast(parsed[timeline.OVERLAP], tf.int32)
        labels = _one_per_event(parsed[self._label], target, self._label)
        asked = (target.flat_values == 1) & (position > 0)
        asked &= position >= tf.gather(overlap, rows)
        if training:
            asked &= labels != timeline.OOV_ID
        events = tf.cast(tf.where(asked)[:, 0], tf.int32)
        events = tf.cond(order < 0, lambda: events, lambda: _shuffled(events, order))
        row = tf.gather(rows, events)
        start = tf.gather(starts, events)
        block = {"label": tf.cast(tf.gather(labels, events), tf.int32)}
        if not training:
            stamps = _one_per_event(
                parsed[timeline.TIMESTAMP], target, timeline.TIMESTAMP
            )
            block["user"] = tf.gather(parsed[timeline.USER], row)
            block["timestamp"] = tf.gather(stamps, events)
            block["history_length"] = events - start
        for column in self._columns:
            ragged = parsed[column.column]
            values = tf.cast(ragged.flat_values, column.dtype)
            block[f"pieces/{column.name}"] = _pieces(values, column.length)
            begin, end = self._span(column, parsed, row, start, events)
            block[f"begin/{column.name}"] = begin
            block[f"end/{column.name}"] = end
        return block

    def _span(
        self,
        column: _Column,
        parsed: dict[str, tf.Tensor],
        row: tf.Tensor,
        start: tf.Tensor,
        events: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """First and one behind the last flat value of each window."""
        ragged = parsed[column.column]
        if column.is_global:
            splits = tf.cast(ragged.row_splits, tf.int32)
            begin = tf.gather(splits, row)
            return begin, tf.minimum(begin + column.length, tf.gather(splits, row + 1))
        target = parsed[timeline.TARGET]
        if column.lengths:
            lengths = _one_per_event(parsed[column.lengths], target, column.lengths)
            values_before = tf.cumsum(tf.concat([[0], tf.cast(lengths, tf.int32)], 0))
            tf.debugging.assert_equal(
                tf.gather(values_before, tf.cast(target.row_splits, tf.int32)),
                tf.cast(ragged.row_splits, tf.int32),
                f"`{column.lengths}` does not add up to the values of "
                f"`{column.column}`.",
            )
            first, end = (
                tf.gather(values_before, start),
                tf.gather(values_before, events),
            )
        else:
            _one_per_event(ragged, target, column.column)
            first, end = start, events
        return tf.maximum(first, end - column.length), end

    def cut(
        self, block: Block, places: tuple[tf.Tensor, tf.Tensor]
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """The block's windows from `places[0]` up to `places[1]`."""
        first, last = places
        features = {}
        for column in self._columns:
            begin = block[f"begin/{column.name}"][first:last, tf.newaxis]
            end = block[f"end/{column.name}"][first:last, tf.newaxis]
            pieces = block[f"pieces/{column.name}"]
            offsets = np.arange(0, column.length, pieces.shape[1], dtype=np.int32)
            window = tf.gather(pieces, begin + offsets)
            window = tf.reshape(window, [-1, len(offsets) * pieces.shape[1]])
            inside = tf.range(column.length) < end - begin
            blank = tf.zeros([], column.dtype)
            features[column.name] = tf.where(inside, window[:, : column.length], blank)
        return features, block["label"][first:last]

    def _records(self) -> tf.data.Dataset:
        return tf.data.TFRecordDataset(self._files, "GZIP", buffer_size=1 << 20)

    def _first_timeline(self) -> tf.train.Example:
        for record in self._records().take(1).as_numpy_iterator():
            return tf.train.Example.FromString(record)
        raise UserError(
            f"No timeline in {self._files[0]} and the files beside it. Does the log "
            "have enough events for the `split` asked for?"
        )


def _pieces(values: tf.Tensor, length: int) -> tf.Tensor:
    """Overlapping pieces of flat values: row i holds the values from i on.

    Windows of `length` that begin at any value are whole rows one after the other.
    They are read at full length, so zeros follow the last value.
    """
    width = -(-length // -(-length // _PIECE))
    padding = tf.zeros([length + width], values.dtype)
    table = tf.concat([values, padding], 0)[:, tf.newaxis]
    have = 1
    while have < width:
        more = min(have, width - have)
        table = tf.concat([table[:-more], table[more:, have - more :]], 1)
        have += more
    return table


def _query(block: Block, places: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {
        name: block[name][places[0] : places[1]]
        for name in ("user", "timestamp", "history_length")
    }


def _column(feature: Feature, is_global: bool, first: tf.train.Example) -> _Column:
    column = input_spec_check.source_column(feature)
    embedded = input_spec_check.is_embedded(feature)
    _check_kind(first, column, "int64_list" if embedded else "float_list")
    lengths = column + timeline.LENGTHS_SUFFIX
    several = lengths in first.features.feature and not is_global
    return _Column(
        name=feature.feature_name,
        column=column,
        length=feature.feature_length,
        dtype=tf.int32 if embedded else tf.float32,
        is_global=is_global,
        lengths=lengths if several else None,
    )


def _check_kind(first: tf.train.Example, column: str, kind: str) -> None:
    features = first.features.feature
    if column not in features:
        raise UserError(
            f"Column `{column}` is not in the timelines, which have "
            f"{', '.join(sorted(features))}. Set `column` of the feature in "
            "`input_spec` to one of them."
        )
    found = features[column].WhichOneof("kind")
    if found not in (kind, None):
        raise UserError(
            f"Column `{column}` must hold an {kind}, received a {found}. Are these "
            "the transformed timelines, and is its `feature_type` right?"
        )


def _ragged(dtype: tf.DType) -> tf.io.RaggedFeature:
    return tf.io.RaggedFeature(dtype, row_splits_dtype=tf.int64)


def _one_per_event(
    ragged: tf.RaggedTensor, target: tf.RaggedTensor, column: str
) -> tf.Tensor:
    message = f"`{column}` must have one value per event of its timeline."
    with tf.control_dependencies(
        [tf.debugging.assert_equal(ragged.row_splits, target.row_splits, message)]
    ):
        return tf.identity(ragged.flat_values)


def _shuffled(events: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
    return tf.random.experimental.stateless_shuffle(
        events, seed=tf.stack([order, tf.constant(0, tf.int64)])
    )
