"""The baselines' ranks and lists, against scores written out item by item."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondevice_rec.recommendation.baselines.count_model import (
    CountModel,
    popularity_ranks,
)
from ondevice_rec.recommendation.baselines.train_counts import TrainCounts

VOCAB = 8

Timelines = list[tuple[list[int], int]]
timelines = st.lists(
    st.tuples(st.lists(st.integers(0, VOCAB - 1), max_size=12), st.integers(0, 3)),
    max_size=8,
)
queries = st.lists(
    st.tuples(
        st.integers(0, VOCAB - 1),
        st.integers(0, VOCAB - 1),
        st.lists(st.integers(0, VOCAB - 1), min_size=5, max_size=5),
    ),
    min_size=1,
    max_size=8,
)


def counted(given_timelines: Timelines) -> TrainCounts:
    items = [timeline for timeline, _ in given_timelines]
    return TrainCounts.of_timelines(
        np.array([item for timeline in items for item in timeline], np.int64),
        np.cumsum([0, *map(len, items)]),
        np.array([overlap for _, overlap in given_timelines], np.int64),
        VOCAB,
    )


def scores(given_timelines: Timelines, last: int) -> list[tuple[int, int]]:
    """(times it followed `last`, times it occurs), by item."""
    followed, occurs = [0] * VOCAB, [0] * VOCAB
    for items, overlap in given_timelines:
        for place in range(overlap, len(items)):
            occurs[items[place]] += 1
            if place and items[place - 1] == last and last and items[place]:
                followed[items[place]] += 1
    return list(zip(followed, occurs, strict=True))


def rank(score: Sequence[tuple[int, int]], item: int, seen: set[int]) -> int:
    if item == 0 or item in seen:
        return VOCAB
    others = set(range(1, VOCAB)) - {item} - seen
    return 1 + sum(score[other] >= score[item] for other in others)


@given(timelines, queries, st.booleans())
def test_ranks_and_lists_are_those_of_the_scores(
    train: Timelines, asked: list[tuple[int, int, list[int]]], exclude: bool
) -> None:
    model = CountModel(counted(train))
    last, items = (np.array([query[i] for query in asked]) for i in (0, 1))
    seen = np.array([query[2] for query in asked]) if exclude else None
    ranks = model.ranks(last, items, seen)
    lists = model.lists(last, 4, seen)
    for row, (before, item, history) in enumerate(asked):
        score = scores(train, before)
        hidden = set(history) if exclude else set()
        assert ranks[row] == rank(score, item, hidden)
        allowed = sorted(
            set(range(1, VOCAB)) - hidden,
            key=lambda i: (-score[i][0], -score[i][1], i),
        )
        assert lists[row].tolist() == (allowed + [0] * 4)[:4]


@given(timelines, timelines)
def test_counts_of_parts_add_up(first: Timelines, second: Timelines) -> None:
    whole, parts = counted(first + second), counted(first) + counted(second)
    assert whole.items.tolist() == parts.items.tolist()
    assert whole.transitions.tolist() == parts.transitions.tolist()
    assert whole.transition_counts.tolist() == parts.transition_counts.tolist()


def test_without_transitions_it_is_popularity() -> None:
    counts = counted([([1, 2, 2, 3, 2, 3], 0)])
    popular = CountModel(
        TrainCounts(counts.items, np.zeros(0, np.int64), np.zeros(0, np.int64))
    )
    items = np.arange(VOCAB)
    found = popular.ranks(np.full(VOCAB, 3), items)
    assert found.tolist() == popularity_ranks(counts.items).tolist()
    assert popular.lists(np.array([1]), 3).tolist() == [[2, 3, 1]]


@pytest.mark.parametrize(("last", "expected"), [(1, 2), (2, 3), (0, 2)])
def test_what_followed_the_last_item_is_recommended_first(
    last: int, expected: int
) -> None:
    # After 1 always 2, after 2 always 3; 2 is the most popular.
    model = CountModel(counted([([1, 2, 3], 0), ([1, 2], 0), ([2, 3], 0)]))
    assert model.lists(np.array([last]), 1).tolist() == [[expected]]
    assert model.ranks(np.array([last]), np.array([expected])).tolist() == [1]
