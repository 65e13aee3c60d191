"""Transformed timelines that are held in memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ondevice_rec.schemas import timeline
from ondevice_rec.schemas.errors import UserError


@dataclasses.dataclass(frozen=True)
class Timelines:
    """The users' events one after the other, as columns.

    The same facts as in the files of `docs/architecture.md`, "Transformed timelines".

    Attributes:
      users: Keys of the users, bytes, `[timelines]`.
      row_splits: int64 `[timelines + 1]`: timeline i has the events from
        `row_splits[i]` up to `row_splits[i + 1]`.
      timestamp: int64 `[events]`.
      target: 1 where the event's item is to be predicted, else 0; `[events]`.
      columns: int64 ids or float32 values by column; `[events]`, or the sum of the
        column's `lengths`.
      lengths: Number of values of each event, int64 `[events]`, of the columns that
        have several.
      user_columns: Values of the users, and where those of each begin, as
        `row_splits`.

    Raises:
      UserError: the lengths of the parts do not fit together.
    """

    users: Sequence[bytes]
    row_splits: np.ndarray
    timestamp: np.ndarray
    target: np.ndarray
    columns: Mapping[str, np.ndarray]
    lengths: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    user_columns: Mapping[str, tuple[np.ndarray, np.ndarray]] = dataclasses.field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        events = int(self.row_splits[-1]) if len(self.row_splits) else -1
        _check_splits("row_splits", self.row_splits, len(self.users), events)
        _check_length(timeline.TIMESTAMP, self.timestamp, events)
        _check_length(timeline.TARGET, self.target, events)
        for name, values in self.columns.items():
            if name in self.lengths:
                _check_length(
                    name + timeline.LENGTHS_SUFFIX, self.lengths[name], events
                )
                _check_length(name, values, int(np.sum(self.lengths[name])))
            else:
                _check_length(name, values, events)
        for name, (values, splits) in self.user_columns.items():
            _check_splits(name, splits, len(self.users), len(values))

    def __len__(self) -> int:
        return len(self.users)


def _check_splits(name: str, splits: np.ndarray, timelines: int, values: int) -> None:
    if (
        len(splits) != timelines + 1
        or splits[0] != 0
        or splits[-1] != values
        or np.any(np.diff(splits) < 0)
    ):
        raise UserError(
            f"`{name}` must say where each of the {timelines} timelines begins: "
            f"{timelines + 1} numbers from 0 to {max(values, 0)} that never decrease, "
            f"received {_short(splits)}."
        )


def _check_length(name: str, values: np.ndarray, expected: int) -> None:
    if len(values) != expected:
        raise UserError(
            f"`{name}` must have {expected} values, received {len(values)}. Pass one "
            "for each event (or, with `lengths`, as many as they say)."
        )


def _short(values: np.ndarray) -> str:
    shown = ", ".join(str(value) for value in values[:5])
    return f"{len(values)} numbers: {shown}{', ...' if len(values) > 5 else ''}"
