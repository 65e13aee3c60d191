"""Where a feature's values lie in a block of timelines, and how they are cut out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ondevice_rec.recommendation.feed.timeline_source import Columns, as_is
from ondevice_rec.recommendation.spec import Feature, InputSpec
from ondevice_rec.schemas import input_spec_check, timeline
from ondevice_rec.schemas.errors import UserError

# Rows are gathered in pieces of at most this many values: copying pieces costs a
# third of gathering value by value, and holds this many times the column in memory.
_PIECE = 32

Block = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class FeatureColumn:
    """A feature and where its values lie.

    Attributes:
      name: Of the feature.
      column: Of the timelines.
      length: The feature's.
      dtype: int32 for ids, float32 for numbers.
      is_global: Whether the values are the user's.
      lengths: Column that says how many values an event has; None: one each.
    """

    name: str
    column: str
    length: int
    dtype: tf.DType
    is_global: bool
    lengths: str | None


def feature_columns(
    input_spec: InputSpec, kinds: Mapping[str, str | None]
) -> list[FeatureColumn]:
    """The columns of all features.

    Args:
      input_spec: The features.
      kinds: The timelines' columns, as `TimelineSource.kinds` gives them.

    Raises:
      UserError: a column is missing or not transformed.
    """
    label = input_spec_check.source_column(input_spec.label_feature)
    found = [
        _column(feature, is_global, kinds)
        for is_global, groups in (
            (True, input_spec.global_feature_groups),
            (False, input_spec.activity_feature_groups),
        )
        for group in groups
        for feature in group.features
    ]
    for name in (label, timeline.TARGET):
        check_kind(kinds, name, "int64_list")
    return found


def wanted(columns: list[FeatureColumn], input_spec: InputSpec) -> dict[str, tf.DType]:
    """The ragged columns to read for them, those of every timeline included."""
    label = input_spec_check.source_column(input_spec.label_feature)
    found = {
        timeline.TIMESTAMP: tf.int64,
        timeline.TARGET: tf.int64,
        label: tf.int64,
    }
    for column in columns:
        found[column.column] = tf.int64 if column.dtype == tf.int32 else tf.float32
        if column.lengths:
            found[column.lengths] = tf.int64
    return found


def add_pieces(block: Block, column: FeatureColumn, parsed: Columns) -> None:
    """Puts the column's values into the block, ready for `cut`."""
    values = tf.cast(parsed[column.column].flat_values, column.dtype)
    block[f"pieces/{column.name}"] = pieces(values, column.length)


def add_span(
    block: Block,
    column: FeatureColumn,
    parsed: Columns,
    row: tf.Tensor,
    first: tf.Tensor,
    end: tf.Tensor,
) -> None:
    """Puts where each row of the column begins and ends into the block.

    Args:
      block: To add to.
      column: Which one.
      parsed: The timelines' columns.
      row: int32 `[rows]`, the timeline of each.
      first: int32 `[rows]`, the first event whose values may be used.
      end: int32 `[rows]`, one behind the last; both count the block's events.
    """
    begin, stop = _span(column, parsed, row, first, end)
    block[f"begin/{column.name}"] = begin
    block[f"end/{column.name}"] = stop


def _span(
    column: FeatureColumn,
    parsed: Columns,
    row: tf.Tensor,
    first: tf.Tensor,
    end: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    ragged = parsed[column.column]
    if column.is_global:
        splits = tf.cast(ragged.row_splits, tf.int32)
        begin = tf.gather(splits, row)
        return begin, tf.minimum(begin + column.length, tf.gather(splits, row + 1))
    target = parsed[timeline.TARGET]
    if column.lengths:
        lengths = one_per_event(parsed[column.lengths], target, column.lengths)
        values_before = tf.cumsum(tf.concat([[0], tf.cast(lengths, tf.int32)], 0))
        tf.debugging.assert_equal(
            tf.gather(values_before, tf.cast(target.row_splits, tf.int32)),
            tf.cast(ragged.row_splits, tf.int32),
            f"`{column.lengths}` does not add up to the values of `{column.column}`.",
        )
        first, end = tf.gather(values_before, first), tf.gather(values_before, end)
    else:
        one_per_event(ragged, target, column.column)
    return tf.maximum(first, end - column.length), end


def cut(
    block: Block, columns: list[FeatureColumn], first: tf.Tensor, last: tf.Tensor
) -> dict[str, tf.Tensor]:
    """The block's rows from `first` up to `last`, `[rows, length]` per feature."""
    features = {}
    for column in columns:
        begin = block[f"begin/{column.name}"][first:last, tf.newaxis]
        end = block[f"end/{column.name}"][first:last, tf.newaxis]
        table = block[f"pieces/{column.name}"]
        offsets = np.arange(0, column.length, table.shape[1], dtype=np.int32)
        rows = tf.gather(table, begin + offsets)
        rows = tf.reshape(rows, [-1, len(offsets) * table.shape[1]])
        inside = tf.range(column.length) < end - begin
        blank = tf.zeros([], column.dtype)
        features[column.name] = tf.where(inside, rows[:, : column.length], blank)
    return features


def batches(
    blocks: tf.data.Dataset,
    rows: str,
    cut_rows: Callable[..., Any],
    batch_size: int,
    order: str | None = None,
) -> tf.data.Dataset:
    """Batches of the blocks' rows; the last one of a block may be smaller.

    Args:
      blocks: The blocks.
      rows: A name in the block with one value per row.
      cut_rows: Makes a batch of `(block, first row, one behind the last)`.
      batch_size: Rows per batch.
      order: A name in the block with the seed of the batches' order, negative to keep
        it; left out: it is kept.
    """

    @as_is
    def places(block: Block) -> tf.data.Dataset:
        count = tf.size(block[rows], tf.int64)
        starts = tf.range(tf.constant(0, tf.int64), count, batch_size)
        if order is not None:
            seed = block[order]
            starts = tf.cond(
                seed < 0, lambda: starts, lambda: shuffled(starts, seed + 1)
            )
        # The block's tensors are shared by the elements, not copied.
        return tf.data.Dataset.zip(
            (
                tf.data.Dataset.from_tensors(block).repeat(),
                tf.data.Dataset.from_tensor_slices(starts),
            )
        )

    found = blocks.flat_map(places).map(
        as_is(lambda block, start: cut_rows(block, start, start + batch_size)),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    # Without `rebatch`, whose slices make TensorFlow log an error each.
    return found.prefetch(tf.data.AUTOTUNE)


def pieces(values: tf.Tensor, length: int) -> tf.Tensor:
    """Overlapping pieces of flat values: row i holds the values from i on.

    Rows of `length` that begin at any value are whole pieces one after the other.
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


def one_per_event(
    ragged: tf.RaggedTensor, target: tf.RaggedTensor, column: str
) -> tf.Tensor:
    """The column's values, after a check that every event has one."""
    message = f"`{column}` must have one value per event of its timeline."
    with tf.control_dependencies(
        [tf.debugging.assert_equal(ragged.row_splits, target.row_splits, message)]
    ):
        return tf.identity(ragged.flat_values)


def shuffled(values: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
    """Them in another order, that of the seed `order` (int64)."""
    return tf.random.experimental.stateless_shuffle(
        values, seed=tf.stack([order, tf.constant(0, tf.int64)])
    )


def check_kind(kinds: Mapping[str, str | None], column: str, kind: str) -> None:
    """Checks that the timelines have the column, with values of this kind.

    Raises:
      UserError: they do not.
    """
    if column not in kinds:
        raise UserError(
            f"Column `{column}` is not in the timelines, which have "
            f"{', '.join(sorted(kinds))}. Set `column` of the feature in "
            "`input_spec` to one of them."
        )
    if kinds[column] not in (kind, None):
        raise UserError(
            f"Column `{column}` must hold an {kind}, received a {kinds[column]}. Are "
            "these the transformed timelines, and is its `feature_type` right?"
        )


def _column(
    feature: Feature, is_global: bool, kinds: Mapping[str, str | None]
) -> FeatureColumn:
    column = input_spec_check.source_column(feature)
    embedded = input_spec_check.is_embedded(feature)
    check_kind(kinds, column, "int64_list" if embedded else "float_list")
    lengths = column + timeline.LENGTHS_SUFFIX
    several = lengths in kinds and not is_global
    return FeatureColumn(
        name=feature.feature_name,
        column=column,
        length=feature.feature_length,
        dtype=tf.int32 if embedded else tf.float32,
        is_global=is_global,
        lengths=lengths if several else None,
    )
