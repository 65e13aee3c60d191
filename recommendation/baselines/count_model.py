"""Ranks items by counts: popularity, and what followed the last item."""

from __future__ import annotations

import numpy as np

from ondevice_rec.recommendation.baselines.train_counts import TrainCounts
from ondevice_rec.schemas.timeline import OOV_ID


class CountModel:
    """Scores an item by (times it followed the last item, events it has).

    The first number decides, the second breaks ties and orders the items that never
    followed. With transitions this is the first-order Markov chain of the items (as
    "MC" in Rendle et al., 2010, unfactorised); without, the popularity model. No row
    of the vocabulary's size is made: a rank is looked up among the items that did
    follow, or is the popularity rank corrected for them.

    Ranks are pessimistic, see `recommendation/ranking.py`.
    """

    def __init__(self, counts: TrainCounts) -> None:
        """Prepares the ranks of all transitions.

        Args:
          counts: What was counted in training.
        """
        self._size = len(counts.items)
        self._popularity = popularity_ranks(counts.items)
        # Ids in the order of popularity, ties by id; id 0 is no item.
        self._popular = np.argsort(-counts.items[1:], kind="stable") + 1
        before, after = np.divmod(counts.transitions, self._size)
        self._keys = counts.transitions
        self._row_starts = np.searchsorted(before, np.arange(self._size + 1))
        rank = self._popularity[after]
        best_first = np.lexsort((after, rank, -counts.transition_counts, before))
        self._best_first = after[best_first].astype(np.int32)
        # Of several equal ones each has the place of the last.
        last = _last_of_equal(
            before[best_first],
            counts.transition_counts[best_first],
            rank[best_first],
        )
        self._ranks = np.empty(len(after), np.int64)
        self._ranks[best_first] = last - self._row_starts[before[best_first]] + 1
        # By row, the popularity ranks of the items that followed, increasing.
        self._row_ranks = np.sort(before * (self._size + 1) + rank)

    def ranks(
        self, last: np.ndarray, items: np.ndarray, seen: np.ndarray | None = None
    ) -> np.ndarray:
        """Rank of each query's item.

        Args:
          last: int `[queries]`, item of the latest event; 0 where it is unknown.
          items: int `[queries]`, the item to find; 0 where it is unknown.
          seen: int `[queries, n]`, items that are not to be recommended, in any order,
            repeated or padded with 0; None for none.

        Returns:
          int64 `[queries]`; vocab_size, a miss, for id 0 and items that were seen.
        """
        last, items = last.astype(np.int64), items.astype(np.int64)
        found = self._rank(last, items)
        if seen is not None:
            distinct = distinct_ids(seen)
            row, column = np.nonzero(distinct)
            above = self._rank(last[row], distinct[row, column]) <= found[row]
            found = found - np.bincount(row[above], minlength=len(items))
            found[np.any(seen == items[:, np.newaxis], axis=1)] = self._size
        found[items == OOV_ID] = self._size
        return found

    def lists(
        self, last: np.ndarray, length: int, seen: np.ndarray | None = None
    ) -> np.ndarray:
        """The best items, int32 `[queries, length]`; 0 where there are no more.

        Args:
          last: As of `ranks`.
          length: Length of a list.
          seen: As of `ranks`.
        """
        if seen is None:
            rows, place = np.unique(last, return_inverse=True)
            return self._lists(rows, length, None)[place.reshape(-1)]
        return self._lists(last, length, distinct_ids(seen))

    def _lists(
        self, last: np.ndarray, length: int, seen: np.ndarray | None
    ) -> np.ndarray:
        # Among as many as could be left out more, there are enough.
        most = length if seen is None else length + seen.shape[1]
        starts = self._row_starts[last]
        followed = self._row_starts[last + 1] - starts
        place = np.arange(min(most, int(followed.max(initial=0))))
        inside = place < followed[:, np.newaxis]
        chosen = np.zeros((len(last), len(place)), np.int64)
        chosen[inside] = self._best_first[(starts[:, np.newaxis] + place)[inside]]
        popular = np.tile(self._popular[:most], (len(last), 1))
        keys = last.astype(np.int64)[:, np.newaxis] * self._size + popular
        popular[self._transition(keys)[1]] = 0
        candidates = np.concatenate([chosen, popular], axis=1)
        if seen is not None:
            candidates[_is_among(candidates, seen)] = 0
        order = np.argsort(candidates == 0, axis=1, kind="stable")[:, :length]
        lists = np.zeros((len(last), length), np.int32)
        lists[:, : order.shape[1]] = np.take_along_axis(candidates, order, axis=1)
        return lists

    def _rank(self, last: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Ranks where nothing is left out; any number for id 0."""
        popularity = self._popularity[items]
        start = self._row_starts[last]
        at_least_as_popular = np.searchsorted(
            self._row_ranks, last * (self._size + 1) + popularity, side="right"
        )
        followed = self._row_starts[last + 1] - start
        never = popularity - (at_least_as_popular - start) + followed
        place, known = self._transition(last * self._size + items)
        if not len(self._ranks):
            return never
        return np.where(known, self._ranks[place], never)

    def _transition(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Place of each key among the transitions, and whether it is there."""
        if not len(self._keys):
            return np.zeros(keys.shape, np.int64), np.zeros(keys.shape, bool)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return place, self._keys[place] == keys


def popularity_ranks(counts: np.ndarray) -> np.ndarray:
    """Rank of each item when items are scored by how often they occur.

    Args:
      counts: int `[vocab_size]`, events per id; id 0 is no candidate.

    Returns:
      int64 `[vocab_size]`, ties pessimistic; `vocab_size` for id 0.
    """
    candidates = np.sort(counts[1:])
    ranks = np.empty(len(counts), np.int64)
    ranks[0] = len(counts)
    ranks[1:] = len(candidates) - np.searchsorted(candidates, counts[1:], side="left")
    return ranks


def distinct_ids(ids: np.ndarray) -> np.ndarray:
    """Each row sorted, what it repeats set to 0 and empty columns left out."""
    found = np.sort(ids.astype(np.int64), axis=1)
    found[:, 1:][found[:, 1:] == found[:, :-1]] = 0
    found.sort(axis=1)
    first = found.shape[1] - int(np.count_nonzero(found, axis=1).max(initial=0))
    return found[:, first:]


def _is_among(ids: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Whether each id stands in the same row of `rows`, whose rows are sorted."""
    if not rows.size:
        return np.zeros(ids.shape, bool)
    size = max(int(ids.max(initial=0)), int(rows.max(initial=0))) + 1
    offset = np.arange(len(ids))[:, np.newaxis] * size
    flat = (rows + offset).reshape(-1)
    place = np.minimum(np.searchsorted(flat, ids + offset), len(flat) - 1)
    return flat[place] == ids + offset


def _last_of_equal(*columns: np.ndarray) -> np.ndarray:
    """Index of the last row of each run of equal rows, for every row."""
    length = len(columns[0])
    ends = np.ones(length, bool)
    if length > 1:
        ends[:-1] = np.any([c[1:] != c[:-1] for c in columns], axis=0)
    last = np.flatnonzero(ends)
    return last[np.searchsorted(last, np.arange(length))]
