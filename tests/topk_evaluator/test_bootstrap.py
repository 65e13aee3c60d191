"""Bootstrap weights and the intervals they give."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from ondevice_rec.recommendation import bootstrap


def users(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.uint64)


def test_weights_are_poisson_and_independent_of_each_other() -> None:
    weights = bootstrap.poisson_weights(users(20_000), 20, seed=3)
    assert weights.shape == (20, 20_000)
    seen = np.bincount(weights.astype(int).reshape(-1), minlength=5)[:5]
    expected = stats.poisson(1).pmf(np.arange(5)) * weights.size
    assert seen == pytest.approx(expected, rel=0.05)
    correlations = np.corrcoef(weights) - np.eye(20)
    assert np.abs(correlations).max() < 5 / math.sqrt(20_000)
    by_user = np.corrcoef(weights[:, :-1].reshape(-1), weights[:, 1:].reshape(-1))
    assert abs(by_user[0, 1]) < 5 / math.sqrt(weights.size)


def test_weights_depend_on_nothing_but_seed_user_and_replicate() -> None:
    whole = bootstrap.poisson_weights(users(50), 30, seed=3)
    part = bootstrap.poisson_weights(users(50)[20:], 9, seed=3)
    assert part.tolist() == whole[:9, 20:].tolist()
    other = bootstrap.poisson_weights(users(50), 30, seed=4)
    assert other.tolist() != whole.tolist()


def test_the_interval_is_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(1).random(5_000) < 0.2
    weights = bootstrap.poisson_weights(users(5_000), 1_000, seed=1)
    low, high = bootstrap.interval(weights @ values / weights.sum(axis=1))
    error = math.sqrt(0.2 * 0.8 / 5_000)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.1)
    assert low < values.mean() < high


def test_replicates_without_a_query_do_not_count() -> None:
    assert bootstrap.interval(np.array([math.nan, 1, 2])) == (1, 2)
    assert all(map(math.isnan, bootstrap.interval(np.array([math.nan]))))
