"""Finds test labels that stand among the training targets.

A model that has learnt them shows nothing of how good it is. Split by
ActivityExampleGen an event is the target of one split only; timelines that someone
mended or mixed may break that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondevice_rec.components.topk_evaluator.timeline_events import Events

# Training targets that are held in memory: 16 bytes each.
MAX_TARGETS = 1 << 20
# A few events may be equal by chance: logged twice in the same moment.
TOLERATED_SHARE = 0.001

_ALL_USERS = 1 << 63


@dataclass(frozen=True)
class TargetSample:
    """The training targets of some users, all of theirs; all users' if they are few.

    The users with the lowest hashes, so that samples can be added: a bottom-k sketch
    (Cohen and Kaplan, "Summarizing data using bottom-k sketches", 2007).

    Attributes:
      users: uint64 `[targets]`, hash of the user.
      events: uint64 `[targets]`, hash of user, moment and item.
      below: Users with a lower hash are in the sample.
    """

    users: np.ndarray
    events: np.ndarray
    below: int = _ALL_USERS

    def __add__(self, other: TargetSample) -> TargetSample:
        below = min(self.below, other.below)
        users = np.concatenate([self.users, other.users])
        events = np.concatenate([self.events, other.events])
        if np.count_nonzero(users < np.uint64(below)) > MAX_TARGETS:
            below = int(np.partition(users, MAX_TARGETS)[MAX_TARGETS])
        kept = users < np.uint64(below)
        return TargetSample(users[kept], events[kept], below)


def no_targets() -> TargetSample:
    """The sample of no timeline."""
    return TargetSample(np.zeros(0, np.uint64), np.zeros(0, np.uint64))


def sample_targets(events: Events) -> TargetSample:
    """The training targets of timelines."""
    chosen = events.is_target
    sample = TargetSample(events.users[chosen], events.hashes[chosen])
    return no_targets() + sample


class Comparer:
    """Compares test timelines with the training targets."""

    def __init__(self, sample: TargetSample) -> None:
        """Prepares the comparison.

        Args:
          sample: What the train timelines gave.
        """
        self._below = np.uint64(sample.below)
        self._trained = np.sort(sample.events)

    def count(self, events: Events) -> tuple[int, int]:
        """Counts the test targets that are training targets.

        Events equal in user, moment and item are told apart by their number: those
        that stand beside the test targets, in the same timeline, may be training
        targets.

        Args:
          events: Test timelines.

        Returns:
          Number of test targets that were compared, and of those that leaked.
        """
        inside = events.users < self._below
        asked = events.hashes[inside & events.is_target]
        others = np.sort(events.hashes[inside & ~events.is_target])
        trained = _occurrences(self._trained, asked)
        leaked = trained > _occurrences(others, asked)
        return len(asked), int(np.count_nonzero(leaked))


def _occurrences(ordered: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return np.searchsorted(ordered, wanted, "right") - np.searchsorted(
        ordered, wanted, "left"
    )
