"""What is counted in the train timelines: events per item, and what followed what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondevice_rec.schemas.timeline import OOV_ID


@dataclass(frozen=True)
class TrainCounts:
    """Counts that add up over disjoint sets of timelines.

    Attributes:
      items: int64 `[vocab_size]`, events per item id, id 0 included.
      transitions: int64 `[transitions]`, `item * vocab_size + next item` of every pair
        of neighbouring events, increasing; pairs with an out-of-vocabulary item are
        not among them.
      transition_counts: int64 `[transitions]`, how often each occurs.
    """

    items: np.ndarray
    transitions: np.ndarray
    transition_counts: np.ndarray

    @classmethod
    def none(cls, vocab_size: int) -> TrainCounts:
        """Counts of no timeline."""
        empty = np.zeros(0, np.int64)
        return cls(np.zeros(vocab_size, np.int64), empty, empty)

    @classmethod
    def of_timelines(
        cls,
        ids: np.ndarray,
        row_splits: np.ndarray,
        overlap: np.ndarray,
        vocab_size: int,
    ) -> TrainCounts:
        """Counts a batch of timelines.

        Args:
          ids: int64 `[events]`, the items, timeline after timeline; below vocab_size.
          row_splits: int64 `[timelines + 1]`, where each timeline begins.
          overlap: int64 `[timelines]`: leading events that were counted in the
            timeline's previous segment.
          vocab_size: Number of ids.
        """
        ids = np.asarray(ids, np.int64)
        rows = np.repeat(np.arange(len(overlap)), np.diff(row_splits))
        position = np.arange(len(ids)) - np.asarray(row_splits)[rows]
        own = position >= overlap[rows]
        ends = np.flatnonzero(own & (position > 0))
        before, after = ids[ends - 1], ids[ends]
        known = (before != OOV_ID) & (after != OOV_ID)
        transitions, counts = np.unique(
            before[known] * vocab_size + after[known], return_counts=True
        )
        return cls(
            np.bincount(ids[own], minlength=vocab_size).astype(np.int64),
            transitions,
            counts.astype(np.int64),
        )

    def __add__(self, other: TrainCounts) -> TrainCounts:
        transitions, place = np.unique(
            np.concatenate([self.transitions, other.transitions]), return_inverse=True
        )
        counts = np.zeros(len(transitions), np.int64)
        np.add.at(
            counts,
            place,
            np.concatenate([self.transition_counts, other.transition_counts]),
        )
        return TrainCounts(self.items + other.items, transitions, counts)
