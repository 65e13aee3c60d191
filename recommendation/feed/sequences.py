"""The input function of causal encoders: sequences of a timeline's events.

Every event of a sequence is an input, and the event after it the label: each target is
learnt once in an epoch, and its context is not read again for it alone.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ondevice_rec.recommendation.feed import feature_columns
from ondevice_rec.recommendation.feed.feature_columns import Block, FeatureColumn
from ondevice_rec.recommendation.feed.reader import Reader
from ondevice_rec.recommendation.feed.timeline_source import (
    BLOCK_TIMELINES,
    Source,
    as_is,
    open_source,
)
from ondevice_rec.recommendation.learner import LABEL
from ondevice_rec.recommendation.spec import InputSpec
from ondevice_rec.schemas import timeline


def has_one_value_per_event(source: Source, input_spec: InputSpec) -> bool:
    """Whether the activity features do not have several values in one event.

    Raises:
      UserError: no timelines, or a column is missing or not transformed.
    """
    columns = feature_columns.feature_columns(input_spec, open_source(source).kinds())
    return not any(column.lengths for column in columns)


def training_sequences(
    source: Source,
    input_spec: InputSpec,
    batch_size: int,
    *,
    seed: int | None = None,
    repeat: bool = False,
    block_timelines: int = BLOCK_TIMELINES,
) -> tf.data.Dataset:
    """Parts of timelines with what followed each event.

    A timeline that is longer than the features is cut in sequences of their length, one
    after the other; where the first cut is made changes every epoch, so that every
    target gets contexts of all lengths. Sequences of similar lengths share a batch, and
    what is padding in all of them is cut off.

    Args:
      source: TFRecord files (gzip) of transformed timelines, or `Timelines`.
      input_spec: Features to make; `input_spec_check.trains_on_timelines` must hold,
        and `has_one_value_per_event`.
      batch_size: Sequences per batch; the last one of a block may be smaller.
      seed: Decides the order and the cuts, others every epoch; None keeps the order
        of the files and cuts from the end.
      repeat: Never ends.
      block_timelines: Timelines whose sequences are put in batches together.

    Returns:
      Batches of one dictionary: per feature name `[batch, length]` int32 ids or
      float32 (of the user: `[batch, feature_length]`), and under `learner.LABEL` int32
      `[batch, length]`, 0 where there is nothing to learn.

    Raises:
      UserError: no files, no timelines, or a column is missing or not transformed.
    """
    reader = _Reader(source, input_spec)
    blocks = reader.source.blocks(seed, block_timelines)
    if repeat:
        blocks = blocks.repeat()
    blocks = blocks.map(as_is(reader.flatten), num_parallel_calls=2)
    return feature_columns.batches(blocks, _ROW, reader.cut, batch_size, order=_ORDER)


def count_training_sequences(
    source: Source, input_spec: InputSpec, *, seed: int | None = None
) -> tuple[int, int]:
    """Number of sequences and of labels in one epoch of `training_sequences`.

    With a seed the sequences are those of the first epoch: a timeline of 25 inputs
    makes 3 or 4 of 10, as the first cut falls. Labels are as many in all epochs.
    """
    reader = _Reader(source, input_spec)

    def counts(records: tf.Tensor, order: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        block = reader.flatten(records, order)
        return tf.size(block[_ROW]), block[_LABELS]

    # Only what is counted is worked out: the rest of the block falls out of the graph.
    blocks = reader.source.blocks(seed, BLOCK_TIMELINES).map(as_is(counts))
    found = np.sum([(0, 0), *blocks.as_numpy_iterator()], axis=0)
    return int(found[0]), int(found[1])


_ROW = "row"
_LABELS = "labels"
_ORDER = "order"


class _Reader(Reader):
    """Cuts timelines into sequences."""

    def __init__(self, source: Source, input_spec: InputSpec) -> None:
        super().__init__(source, input_spec)
        self._length = next(c.length for c in self.columns if not c.is_global)
        label = FeatureColumn(
            LABEL, self.item, self._length, tf.int32, is_global=False, lengths=None
        )
        self._all = [*self.columns, label]

    def flatten(self, records: tf.Tensor, order: tf.Tensor) -> Block:
        """A block's values, and where each sequence begins and ends in them."""
        events = self.read(records)
        items = events.items
        # On the device the state is that after the last item that is known.
        asked = events.asked & tf.concat([[False], items[:-1] != timeline.OOV_ID], 0)
        labels = tf.where(asked, tf.cast(items, tf.int32), 0)
        row, begin, end = self._sequences(events.splits, order)
        learnt = tf.concat([[0], tf.cumsum(tf.cast(labels != 0, tf.int32))], 0)
        # The labels of a sequence are one event further on.
        useful = tf.gather(learnt, end + 1) > tf.gather(learnt, begin + 1)
        places = tf.cast(tf.where(useful)[:, 0], tf.int32)
        places = self._by_length(places, tf.gather(end - begin, places), order)
        row, begin, end = (tf.gather(each, places) for each in (row, begin, end))
        block = {_ROW: row, _LABELS: learnt[-1], _ORDER: order}
        for column in self.columns:
            feature_columns.add_pieces(block, column, events.parsed)
            feature_columns.add_span(block, column, events.parsed, row, begin, end)
        block[f"pieces/{LABEL}"] = feature_columns.pieces(labels, self._length)
        block[f"begin/{LABEL}"], block[f"end/{LABEL}"] = begin + 1, end + 1
        return block

    def _sequences(
        self, splits: tf.Tensor, order: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Timeline, first input event and one behind the last, of each sequence."""
        # The last event of a timeline is a label only.
        inputs = tf.maximum(splits[1:] - splits[:-1] - 1, 0)
        length = self._length
        # From the end, the first sequence has what is left over: 1 to `length` events.
        from_end = (inputs - 1) % length + 1
        first = tf.cond(
            order < 0,
            lambda: from_end,
            lambda: tf.random.stateless_uniform(
                tf.shape(inputs), tf.stack([order, 1]), 1, length + 1, tf.int32
            ),
        )
        first = tf.where(inputs > length, first, inputs)
        count = tf.where(inputs > 0, 1 + -((first - inputs) // length), 0)
        row = tf.repeat(tf.range(tf.size(inputs)), count)
        before = tf.cumsum(count, exclusive=True)
        place = tf.range(tf.size(row)) - tf.gather(before, row)
        stop = tf.gather(first, row) + place * length
        start = tf.maximum(stop - length, 0)
        start = tf.where(place == 0, 0, start)
        stop = tf.minimum(stop, tf.gather(inputs, row))
        origin = tf.gather(splits, row)
        return row, origin + start, origin + stop

    def _by_length(
        self, places: tf.Tensor, lengths: tf.Tensor, order: tf.Tensor
    ) -> tf.Tensor:
        """The sequences by length, equal ones in random order unless it is kept."""

        def sorted_() -> tf.Tensor:
            shuffle = feature_columns.shuffled(tf.range(tf.size(places)), order)
            by_length = tf.argsort(tf.gather(lengths, shuffle), stable=True)
            return tf.gather(places, tf.gather(shuffle, by_length))

        return tf.cond(order < 0, lambda: places, sorted_)

    def cut(
        self, block: Block, first: tf.Tensor, last: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Sequences with their labels, as long as the longest of them."""
        found = feature_columns.cut(block, self._all, first, last)
        begin = block[f"begin/{LABEL}"][first:last]
        longest = tf.reduce_max(block[f"end/{LABEL}"][first:last] - begin)
        return {
            column.name: found[column.name]
            if column.is_global
            else found[column.name][:, :longest]
            for column in self._all
        }
