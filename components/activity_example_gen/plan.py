"""What the workers need to know."""

from __future__ import annotations

import dataclasses

from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a log becomes timelines.

    Attributes:
      log: What its columns mean.
      filters: Which events are used.
      split: Which split asks for which of them.
      context_length: Events before a target that a model may read.
      max_segment_length: Most events of a stored segment.
      timestamps: `moments.NUMBERS` or `moments.DATES`.
      moments: First moment of validation and test, where the configuration says so.
      files: The log's files, in order.
      newest_file: Index of the newest span's first file; None for a log without spans.
      num_partitions: Number of partitions of the users.
      catalogue_path: `items.parquet`.
      examples_uri: Where the timelines go.
    """

    log: config_pb2.ActivityLog
    filters: config_pb2.Filters
    split: config_pb2.Split
    context_length: int
    max_segment_length: int
    timestamps: str
    moments: tuple[int, int] | None
    files: tuple[str, ...]
    newest_file: int | None
    num_partitions: int
    catalogue_path: str
    examples_uri: str

    @property
    def needs_quantiles(self) -> bool:
        """Whether the moments of the split depend on all the events."""
        by_time = self.split.strategy == config_pb2.Split.GLOBAL_TIME
        return by_time and self.moments is None
