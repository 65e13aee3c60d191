"""The best items, against a sort."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ondevice_rec.components.topk_evaluator.best_items import best_items


def by_sorting(scores: np.ndarray, count: int) -> np.ndarray:
    """Best first, of equal ones the lower id; 0 for what is hidden."""
    order = np.argsort(-scores[:, 1:], axis=1, kind="stable")[:, :count] + 1
    hidden = np.take_along_axis(scores, order, axis=1) == -np.inf
    return np.where(hidden, 0, order)


@pytest.mark.parametrize("vocab_size", [5, 300, 1000, 1023, 1025])
@pytest.mark.parametrize("decimals", [0, 1, 6])
@pytest.mark.parametrize("hidden", [0.0, 0.3, 0.999])
def test_they_are_those_of_a_sort(
    vocab_size: int, decimals: int, hidden: float
) -> None:
    rng = np.random.default_rng(vocab_size)
    # Rounded, so that there are ties; id 0 is among the best.
    scores = rng.normal(size=(40, vocab_size)).round(decimals).astype(np.float32)
    scores[rng.random(scores.shape) < hidden] = -np.inf
    scores[:, 0] = np.where(np.arange(40) % 2, 9, -9)
    run = tf.function(lambda given: best_items(given, 7), autograph=False)
    found = run(tf.constant(scores)).numpy()
    np.testing.assert_array_equal(found, by_sorting(scores, 7)[:, :7])


def test_no_item_is_best_where_scores_are_no_numbers() -> None:
    scores = np.random.default_rng(1).normal(size=(3, 1000)).astype(np.float32)
    expected = by_sorting(scores, 5)
    scores[1] = np.nan
    found = best_items(tf.constant(scores), 5).numpy()
    np.testing.assert_array_equal(found[[0, 2]], expected[[0, 2]])
    assert not found[1].any()
