"""The input function: windows of transformed timelines, see docs/architecture.md.

One `parse_example` and one vectorised gather per batch, nothing per window. What is
shuffled are the places where windows end; the windows are cut last.
"""

from __future__ import annotations

import tensorflow as tf

from ondevice_rec.recommendation.feed import feature_columns
from ondevice_rec.recommendation.feed.feature_columns import Block
from ondevice_rec.recommendation.feed.reader import Reader
from ondevice_rec.recommendation.feed.timeline_source import (
    BLOCK_TIMELINES,
    Source,
    as_is,
)
from ondevice_rec.recommendation.spec import InputSpec
from ondevice_rec.schemas import timeline

_QUERY = ("user", "timestamp", "history_length")


def training_windows(
    source: Source,
    input_spec: InputSpec,
    batch_size: int,
    *,
    seed: int | None = None,
    repeat: bool = False,
    block_timelines: int = BLOCK_TIMELINES,
) -> tf.data.Dataset:
    """Windows to learn from: targets without a context or out-of-vocabulary left out.

    Args:
      source: TFRecord files (gzip) of transformed timelines, or `Timelines`.
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
    reader = _Reader(source, input_spec)
    blocks = reader.source.blocks(seed, block_timelines)
    if repeat:
        blocks = blocks.repeat()
    blocks = blocks.map(
        as_is(lambda block, order: reader.flatten(block, order, training=True)),
        num_parallel_calls=2,
    )
    return feature_columns.batches(blocks, "label", reader.cut, batch_size)


def evaluation_windows(
    source: Source, input_spec: InputSpec, batch_size: int
) -> tf.data.Dataset:
    """Windows to measure on, in the order of the source.

    Out-of-vocabulary labels are kept, as id 0. Targets without an earlier event are
    left out: there is nothing to predict them from.

    Args:
      source: TFRecord files (gzip) of transformed timelines, or `Timelines`.
      input_spec: Features to make.
      batch_size: Windows per batch; the last one of a block may be smaller.

    Returns:
      Batches `(features, label, query)`, the first two as `training_windows`'; `query`
      has `user` (string), `timestamp` (int64, the target's) and `history_length`
      (int32, the timeline's events before the target), each `[batch]`.

    Raises:
      UserError: as `training_windows`.
    """
    reader = _Reader(source, input_spec)
    blocks = reader.source.blocks(None, BLOCK_TIMELINES).map(
        as_is(lambda block, order: reader.flatten(block, order, training=False))
    )
    return feature_columns.batches(blocks, "label", reader.cut_queries, batch_size)


def count_training_windows(source: Source, input_spec: InputSpec) -> int:
    """Number of windows in one epoch of `training_windows`."""
    reader = _Reader(source, input_spec)
    blocks = reader.source.blocks(None, BLOCK_TIMELINES).map(
        as_is(
            lambda block, order: tf.size(
                reader.flatten(block, order, training=True)["label"], tf.int64
            )
        )
    )
    return sum(int(count) for count in blocks)


class _Reader(Reader):
    """Cuts timelines into windows."""

    def flatten(self, records: tf.Tensor, order: tf.Tensor, training: bool) -> Block:
        """A block's values, and where each window begins and ends in them.

        Returns:
          What `feature_columns.cut` needs, `label` and, unless for training, the
          query's `user`, `timestamp`, `history_length`: one per window, in the order
          they are given out.
        """
        events = self.read(records)
        asked = events.asked
        if training:
            asked &= events.items != timeline.OOV_ID
        ends = tf.cast(tf.where(asked)[:, 0], tf.int32)
        ends = tf.cond(
            order < 0, lambda: ends, lambda: feature_columns.shuffled(ends, order)
        )
        row = tf.gather(events.row, ends)
        start = tf.gather(events.splits, row)
        block = {"label": tf.cast(tf.gather(events.items, ends), tf.int32)}
        if not training:
            stamps = feature_columns.one_per_event(
                events.parsed[timeline.TIMESTAMP], events.target, timeline.TIMESTAMP
            )
            block["user"] = tf.gather(events.parsed[timeline.USER], row)
            block["timestamp"] = tf.gather(stamps, ends)
            block["history_length"] = ends - start
        for column in self.columns:
            feature_columns.add_pieces(block, column, events.parsed)
            feature_columns.add_span(block, column, events.parsed, row, start, ends)
        return block

    def cut(
        self, block: Block, first: tf.Tensor, last: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Windows with their labels."""
        features = feature_columns.cut(block, self.columns, first, last)
        return features, block["label"][first:last]

    def cut_queries(
        self, block: Block, first: tf.Tensor, last: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor, dict[str, tf.Tensor]]:
        """Windows with their labels and whose they are."""
        query = {name: block[name][first:last] for name in _QUERY}
        return *self.cut(block, first, last), query
