"""Metrics from ranks, against brute force and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from ondevice_rec.recommendation import ranking
from ondevice_rec.recommendation.baselines.count_model import popularity_ranks


def brute_force_rank(scores: list[float], item: int) -> int:
    """1 + the number of other items scored at least as high; id 0 is no item."""
    return 1 + sum(
        other >= scores[item]
        for id_, other in enumerate(scores)
        if id_ not in (0, item)
    )


def means(
    ranks: list[int], vocab_size: int, top_k: tuple[int, ...]
) -> dict[str, float]:
    table = ranking.query_metrics(np.array(ranks), vocab_size, top_k)
    return dict(zip(ranking.metric_names(top_k), table.mean(axis=0), strict=True))


def test_metrics_worked_out_by_hand() -> None:
    # Ranks 1 and 3, and a miss, among 10 ids.
    found = means([1, 3, 10], 10, (1, 3))
    assert found == pytest.approx(
        {
            "recall@1": 1 / 3,
            "recall@3": 2 / 3,
            "ndcg@1": 1 / 3,
            "ndcg@3": (1 + 1 / math.log2(4)) / 3,
            "mrr@1": 1 / 3,
            "mrr@3": (1 + 1 / 3) / 3,
            "mrr": (1 + 1 / 3) / 3,
            "mean_rank": 14 / 3,
        }
    )


def test_a_miss_is_no_hit_even_where_k_reaches_past_the_vocabulary() -> None:
    found = means([4], 4, (10,))
    assert found["recall@10"] == found["ndcg@10"] == found["mrr"] == 0
    assert found["mean_rank"] == 4


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(-3, 3).map(lambda x: round(x, 3)), min_size=6, max_size=6),
        min_size=1,
        max_size=8,
    ),
    st.data(),
)
def test_ndcg_agrees_with_scikit_learn_where_scores_differ(
    rows: list[list[float]], data: st.DataObject
) -> None:
    rows = [row for row in rows if len(set(row)) == len(row)]
    if not rows:
        return
    items = [data.draw(st.integers(1, 5)) for _ in rows]
    ranks = [brute_force_rank(row, item) for row, item in zip(rows, items, strict=True)]
    relevance = np.zeros((len(rows), 5))
    relevance[np.arange(len(rows)), np.array(items) - 1] = 1
    found = means(ranks, 6, (1, 3, 5))
    for k in (1, 3, 5):
        expected = ndcg_score(relevance, np.array(rows)[:, 1:], k=k)
        assert found[f"ndcg@{k}"] == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=30))
def test_popularity_ranks_are_the_ranks_of_the_counts(counts: list[int]) -> None:
    found = popularity_ranks(np.array(counts))
    expected = [brute_force_rank(counts, item) for item in range(1, len(counts))]
    assert found.tolist() == [len(counts), *expected]


def test_ties_count_against_the_item() -> None:
    assert popularity_ranks(np.array([0, 5, 5, 5])).tolist() == [4, 3, 3, 3]


def test_metrics_of_parts_add_up() -> None:
    ranks = np.arange(1, 101)
    whole = ranking.query_metrics(ranks, 1000, (1, 5)).sum(axis=0)
    parts = sum(
        ranking.query_metrics(part, 1000, (1, 5)).sum(axis=0)
        for part in np.array_split(ranks, 7)
    )
    assert whole == pytest.approx(parts)


@pytest.mark.parametrize(
    ("top_k", "message"), [([0], "received 0"), ([5, 5], "every k once")]
)
def test_impossible_k_is_an_error(top_k: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ranking.checked_top_k(top_k)
