"""Puts the events of users in order, and leaves out those the filters name."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ondevice_rec.components.activity_example_gen import parsing, rows
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2


@dataclasses.dataclass
class Timelines:
    """The events of some users, by user, oldest first.

    Attributes:
      users: Keys, ascending: string [users].
      starts: First event of each user, and the number of events: int64 [users + 1].
      items: Distinct keys: string.
      item_codes: Index in `items` of each event: int32 [events].
      timestamps: int64 [events].
      event_features: Features of the events, [events] each.
      user_features: Features of the user at each event, [events] each.
    """

    users: pa.Array
    starts: np.ndarray
    items: pa.Array
    item_codes: np.ndarray
    timestamps: np.ndarray
    event_features: list[pa.Array]
    user_features: list[pa.Array]

    @property
    def num_events(self) -> int:
        """Number of events."""
        return len(self.item_codes)

    @property
    def lengths(self) -> np.ndarray:
        """Events of each user."""
        return np.diff(self.starts)

    def positions(self) -> np.ndarray:
        """Position of each event in its timeline."""
        return np.arange(self.num_events) - np.repeat(self.starts[:-1], self.lengths)

    def keep(self, mask: np.ndarray) -> Timelines:
        """Returns the events for which `mask` is true, and the users that have any."""
        if mask.all():
            return self
        kept = pa.array(mask)
        sums = np.concatenate([[0], np.cumsum(mask)])
        starts = sums[self.starts]
        present = np.diff(starts) > 0
        return Timelines(
            self.users.filter(pa.array(present)),
            np.concatenate([starts[:-1][present], starts[-1:]]),
            self.items,
            self.item_codes[mask],
            self.timestamps[mask],
            [column.filter(kept) for column in self.event_features],
            [column.filter(kept) for column in self.user_features],
        )

    def item_counts(self) -> pa.Table:
        """Returns the items that have events, and how many: `item`, `count`."""
        counts = np.bincount(self.item_codes, minlength=len(self.items))
        table = pa.table({"item": self.items, "count": pa.array(counts, pa.int64())})
        return table.filter(pa.array(counts > 0))


def arrange(
    pieces: Sequence[pa.Table], filters: config_pb2.Filters
) -> tuple[Timelines, dict[str, int]]:
    """Puts events in order by user and time; ties keep the order of `pieces`.

    Args:
      pieces: Tables with the columns of `rows`, in the order of the input; all the
        events of the users in them.
      filters: Whether duplicates are kept, and the lowest rating.

    Returns:
      The timelines, and the number of events left out by filter.
    """
    table = pa.concat_tables(_same_columns(pieces))
    users = _array(table, rows.USER).dictionary_encode()
    items = _array(table, rows.ITEM).dictionary_encode()
    by_key = parsing.numpy_of(pc.sort_indices(users.dictionary))
    rank = np.empty(len(by_key), np.int32)
    rank[by_key] = np.arange(len(by_key), dtype=np.int32)
    user = rank[parsing.numpy_of(users.indices)]
    timestamp = parsing.numpy_of(_array(table, rows.TIMESTAMP))
    sort_keys = [timestamp, user]
    if rows.FRACTION in table.column_names:
        sort_keys.insert(0, parsing.numpy_of(_array(table, rows.FRACTION)))
    order = np.lexsort(sort_keys)
    user = user[order]
    item = parsing.numpy_of(items.indices)[order]
    taken = pa.array(order)

    def features(prefix: str) -> list[pa.Array]:
        names = [name for name in table.column_names if name.startswith(prefix)]
        numbered = sorted(names, key=lambda name: int(name.removeprefix(prefix)))
        return [_array(table, name).take(taken) for name in numbered]

    found = Timelines(
        users.dictionary.take(pa.array(by_key)),
        np.searchsorted(user, np.arange(len(by_key) + 1)),
        items.dictionary,
        item,
        timestamp[order],
        features(rows.EVENT_FEATURE),
        features(rows.USER_FEATURE),
    )
    keep = np.ones(found.num_events, bool)
    filtered: dict[str, int] = {}
    rating = (
        _array(table, rows.RATING).take(taken)
        if rows.RATING in table.column_names
        else None
    )
    if not filters.keep_duplicates:
        same = _new(user)
        for key in sort_keys[:-1]:
            same |= _new(key[order])
        others = found.event_features + found.user_features
        repeated = _repeated(
            np.cumsum(same), item, others + ([rating] if rating is not None else [])
        )
        keep[repeated] = False
        _count(filtered, "duplicate", len(repeated))
    if rating is not None:
        low = keep & (parsing.numpy_of(rating) < filters.min_rating)
        keep &= ~low
        _count(filtered, "min_rating", int(low.sum()))
    return found.keep(keep), filtered


def limit(
    timelines: Timelines,
    filters: config_pb2.Filters,
    item_counts: pa.Table | None,
) -> tuple[Timelines, dict[str, int]]:
    """Leaves out rare items, then short timelines, then the beginnings of long ones.

    Args:
      timelines: The timelines.
      filters: The limits.
      item_counts: `item` and `count` over the whole log; None if no item is rare.

    Returns:
      The timelines, and the number of events left out by filter.
    """
    filtered: dict[str, int] = {}
    if item_counts is not None:
        frequent = item_counts.filter(
            pc.greater_equal(item_counts["count"], filters.min_item_count)
        )
        known = pc.is_in(timelines.items, value_set=frequent["item"].combine_chunks())
        keep = parsing.booleans(known)[timelines.item_codes]
        _count(filtered, "min_item_count", int((~keep).sum()))
        timelines = timelines.keep(keep)
    lengths = timelines.lengths
    keep = np.repeat(lengths >= filters.min_timeline, lengths)
    _count(filtered, "min_timeline", int((~keep).sum()))
    timelines = timelines.keep(keep)
    if filters.HasField("max_timeline"):
        lengths = timelines.lengths
        first = np.repeat(lengths - filters.max_timeline, lengths)
        keep = timelines.positions() >= first
        _count(filtered, "max_timeline", int((~keep).sum()))
        timelines = timelines.keep(keep)
    return timelines, filtered


def _count(filtered: dict[str, int], name: str, number: int) -> None:
    if number:
        filtered[name] = number


def _array(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks)


def _same_columns(pieces: Sequence[pa.Table]) -> list[pa.Table]:
    """Adds fractions of 0 where only some blocks have fractions."""
    if not any(rows.FRACTION in piece.column_names for piece in pieces):
        return list(pieces)
    names = pieces[0].column_names
    names = [n for n in names if n != rows.FRACTION] + [rows.FRACTION]
    return [
        (
            piece
            if rows.FRACTION in piece.column_names
            else piece.append_column(rows.FRACTION, pa.array(np.zeros(piece.num_rows)))
        ).select(names)
        for piece in pieces
    ]


def _new(values: np.ndarray) -> np.ndarray:
    """Says where a value differs from the one before it."""
    return np.concatenate([[True], values[1:] != values[:-1]])[: len(values)]


def _repeated(
    group: np.ndarray, item: np.ndarray, others: Sequence[pa.Array]
) -> np.ndarray:
    """Finds the events that equal an earlier one.

    Args:
      group: Number of the user and moment of each event, ascending: int64 [events].
      item: Code of the item: int32 [events].
      others: The other columns.

    Returns:
      Indices of the events.
    """
    tied = np.zeros(len(group), bool)
    again = group[1:] == group[:-1]
    tied[1:] |= again
    tied[:-1] |= again
    candidates = np.flatnonzero(tied)
    order = np.lexsort((item[candidates], group[candidates]))
    candidates = candidates[order]
    equal = (group[candidates][1:] == group[candidates][:-1]) & (
        item[candidates][1:] == item[candidates][:-1]
    )
    if not others:
        return candidates[1:][equal]
    alike = np.zeros(len(candidates), bool)
    alike[1:] |= equal
    alike[:-1] |= equal
    candidates = np.sort(candidates[alike])
    taken = pa.array(candidates)
    values = zip(
        group[candidates].tolist(),
        item[candidates].tolist(),
        *(map(str, column.take(taken).to_pylist()) for column in others),
        strict=True,
    )
    seen: set[tuple[object, ...]] = set()
    repeated = []
    for index, row in zip(candidates.tolist(), values, strict=True):
        if row in seen:
            repeated.append(index)
        seen.add(row)
    return np.array(repeated, np.int64)
