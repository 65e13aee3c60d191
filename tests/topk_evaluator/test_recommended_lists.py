"""What is recommended, measured by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondevice_rec.recommendation import recommended_lists

# Items 1 to 4 with half, a quarter, a quarter and none of the events.
COUNTS = np.array([9, 4, 2, 2, 0])
LISTS = np.array([[1, 2, 3], [1, 3, 2], [4, 0, 0]])


def test_popularity_and_novelty_worked_out_by_hand() -> None:
    found = recommended_lists.query_metrics(LISTS, COUNTS, (1, 2, 5))
    names = recommended_lists.query_metric_names((1, 2, 5))
    table = dict(zip(names, found.T.tolist(), strict=True))
    assert table["mean_popularity@1"] == [0.5, 0.5, 0]
    assert table["mean_popularity@2"] == [0.375, 0.375, 0]
    assert table["mean_popularity@5"] == pytest.approx([1 / 3, 1 / 3, 0])
    # An item without events has the information of one with a single one.
    assert table["novelty@1"] == pytest.approx([1, 1, 3])
    assert table["novelty@2"] == pytest.approx([1.5, 1.5, 3])


def test_coverage_and_gini_worked_out_by_hand() -> None:
    exposure = recommended_lists.exposure(LISTS, 5, (1, 3))
    assert exposure.tolist() == [[0, 2, 0, 0, 1], [2, 2, 2, 2, 1]]
    found = recommended_lists.total_metrics(exposure)
    # k=1: 0, 0, 1, 2 of 3: (-1 * 0 + 1 * 1 + 3 * 2) / (4 * 3); k=3: 1, 2, 2, 2 of 7.
    assert found.tolist() == pytest.approx(
        [0.5, 1.0, (1 * 1 + 3 * 2) / (4 * 3), (-3 * 1 - 2 + 2 + 6) / (4 * 7)]
    )
    assert recommended_lists.total_metric_names((1, 3)) == [
        "coverage@1", "coverage@3", "gini@1", "gini@3"
    ]  # fmt: skip


@given(st.lists(st.integers(0, 20), min_size=1, max_size=12))
def test_gini_is_half_the_relative_mean_difference(values: list[int]) -> None:
    if not sum(values):
        assert recommended_lists.gini(np.array(values)) == 0
        return
    pairs = itertools.product(values, repeat=2)
    difference = sum(abs(a - b) for a, b in pairs) / len(values) ** 2
    expected = difference / (2 * sum(values) / len(values))
    assert math.isclose(
        recommended_lists.gini(np.array(values)), expected, abs_tol=1e-12
    )
