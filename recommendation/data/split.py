"""Which events of a log are learnt from, and which are measured on."""

from __future__ import annotations

import dataclasses

import numpy as np

from ondevice_rec.schemas.errors import UserError

NO_SPLIT, TRAIN, VALIDATION, TEST = -1, 0, 1, 2

STRATEGIES = ("leave_last_out", "global_time", "unseen_users", "random")


@dataclasses.dataclass(frozen=True)
class Split:
    """How events are divided; the strategies are those of the pipeline.

    Attributes:
      strategy: "leave_last_out" (a user's last event: test; second last: validation;
        users with fewer than three events: train), "global_time" (by moments),
        "unseen_users" (each user belongs to one split) or "random" (each event does,
        whatever its time: it leaks the future into training, for comparisons only).
      validation_fraction: Share of the users ("unseen_users") or events.
      test_fraction: As `validation_fraction`.
      validation_from: "global_time": first moment of validation, as in the log, dates
        as Unix milliseconds. None: by the shares, the latest events are test.
      test_from: First moment of test.
      seed: Another seed, another assignment.

    Raises:
      UserError: an unknown strategy, or shares or moments out of range.
    """

    strategy: str = "leave_last_out"
    validation_fraction: float = 0.1
    test_fraction: float = 0.1
    validation_from: int | None = None
    test_from: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise UserError(
                f"`split` must be one of {', '.join(STRATEGIES)}, received "
                f"{self.strategy!r}."
            )
        shares = (self.validation_fraction, self.test_fraction)
        if min(shares) < 0 or sum(shares) >= 1:
            raise UserError(
                "`validation_fraction` and `test_fraction` must be >= 0 and leave "
                f"something to train on, received {shares[0]} and {shares[1]}."
            )
        if (self.validation_from is None) != (self.test_from is None):
            raise UserError("Set both `validation_from` and `test_from`, or neither.")
        if (
            self.validation_from is not None
            and self.test_from is not None
            and self.validation_from > self.test_from
        ):
            raise UserError(
                "`validation_from` must not be after `test_from`, received "
                f"{self.validation_from} and {self.test_from}."
            )


def assign(split: Split, row_splits: np.ndarray, timestamp: np.ndarray) -> np.ndarray:
    """The split that asks for each event.

    The first event of a timeline has nothing before it, so no split asks for it.

    Args:
      split: The strategy.
      row_splits: int64 `[timelines + 1]`: where each timeline begins.
      timestamp: `[events]`, never decreasing in a timeline.

    Returns:
      TRAIN, VALIDATION, TEST or NO_SPLIT, int8 `[events]`.
    """
    starts, lengths = row_splits[:-1], np.diff(row_splits)
    events = len(timestamp)
    if split.strategy == "leave_last_out":
        left = np.repeat(row_splits[1:], lengths) - np.arange(events)
        found = np.where(left == 1, TEST, np.where(left == 2, VALIDATION, TRAIN))
        found[np.repeat(lengths < 3, lengths)] = TRAIN
    elif split.strategy == "global_time":
        found = np.searchsorted(_moments(split, timestamp), timestamp, side="right")
    else:
        generator = np.random.default_rng(split.seed)
        if split.strategy == "random":
            drawn = generator.random(events)
        else:
            drawn = np.repeat(generator.random(len(lengths)), lengths)
        test = split.test_fraction
        found = np.where(
            drawn < test,
            TEST,
            np.where(drawn < test + split.validation_fraction, VALIDATION, TRAIN),
        )
    found = found.astype(np.int8)
    found[starts[lengths > 0]] = NO_SPLIT
    return found


def _moments(split: Split, timestamp: np.ndarray) -> np.ndarray:
    """First moments of validation and of test; events at one moment stay together."""
    if split.validation_from is not None and split.test_from is not None:
        return np.array([split.validation_from, split.test_from])
    if not len(timestamp):
        return np.zeros(2)
    ordered = np.sort(timestamp)

    def moment(share: float) -> float:
        rank = len(ordered) - round(len(ordered) * share)
        # Behind the latest event: nobody's.
        return ordered[rank] if rank < len(ordered) else ordered[-1] + 1

    test = split.test_fraction
    return np.array([moment(split.validation_fraction + test), moment(test)])
