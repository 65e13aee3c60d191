"""What the input functions share: a block of timelines, and what it asks for."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from ondevice_rec.recommendation.feed import feature_columns
from ondevice_rec.recommendation.feed.timeline_source import (
    Columns,
    Source,
    open_source,
)
from ondevice_rec.recommendation.spec import InputSpec
from ondevice_rec.schemas import input_spec_check, timeline


@dataclasses.dataclass(frozen=True)
class Events:
    """The events of a block of timelines, one after the other.

    Attributes:
      parsed: The block's columns.
      target: The ragged column of that name.
      splits: int32 `[timelines + 1]`: where each timeline begins, and their end.
      row: int32 `[events]`, the timeline of each.
      items: int64 `[events]`, ids of the label's column.
      asked: bool `[events]`: the split asks for it, it has an earlier event, and it
        does not belong to the piece of the timeline before this one.
    """

    parsed: Columns
    target: tf.RaggedTensor
    splits: tf.Tensor
    row: tf.Tensor
    items: tf.Tensor
    asked: tf.Tensor


class Reader:
    """Reads timelines of one layout.

    Args:
      source: TFRecord files (gzip) of transformed timelines, or `Timelines`.
      input_spec: Features to make.

    Attributes:
      source: Gives out the blocks.
      columns: Of the features.
      item: Column of the items.

    Raises:
      UserError: no files, no timelines, or a column is missing or not transformed.
    """

    def __init__(self, source: Source, input_spec: InputSpec) -> None:
        self.source = open_source(source)
        self.columns = feature_columns.feature_columns(input_spec, self.source.kinds())
        self.item = input_spec_check.source_column(input_spec.label_feature)
        self._wanted = feature_columns.wanted(self.columns, input_spec)

    def read(self, records: tf.Tensor) -> Events:
        """The events of a block."""
        parsed = self.source.columns(records, self._wanted)
        target = parsed[timeline.TARGET]
        row = tf.cast(target.value_rowids(), tf.int32)
        splits = tf.cast(target.row_splits, tf.int32)
        position = tf.range(tf.size(row)) - tf.gather(splits, row)
        overlap = tf.cast(parsed[timeline.OVERLAP], tf.int32)
        asked = (target.flat_values == 1) & (position > 0)
        return Events(
            parsed=parsed,
            target=target,
            splits=splits,
            row=row,
            items=feature_columns.one_per_event(parsed[self.item], target, self.item),
            asked=asked & (position >= tf.gather(overlap, row)),
        )
