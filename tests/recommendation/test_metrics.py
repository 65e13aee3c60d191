"""Metrics on similarities worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ondevice_rec.recommendation.task.metrics import RankMetrics

# Contexts by ids; the labels are 3, 1 and 2. Before them, among all ids, come 0, 1 (id
# 4; id 2 ties, but its index is higher) and 3 (id 1, which ties and has a lower index,
# 3 and 4).
SIMILARITIES = np.array(
    [[0, 0.1, 0.2, 0.9, 0.3], [0, 0.5, 0.5, 0.1, 0.7], [0, 0.2, 0.2, 0.4, 0.6]],
    np.float32,
)
LABELS = np.array([[3], [1], [2]], np.int32)


def values(*batches):
    metric = RankMetrics([1, 2, 3, 4])
    for labels, similarities in batches:
        metric.update_state(labels, similarities)
    return {name: float(value) for name, value in metric.result().items()}


def recalls(found, place):
    return [found[f"{place}_Recall/Recall_{k}"] for k in (1, 2, 3, 4)]


def test_among_all_ids():
    found = values((LABELS, SIMILARITIES))
    assert recalls(found, "Global") == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1.0])
    assert found["global_mean_rank"] == pytest.approx((0 + 1 + 3) / 3)


def test_among_the_labels_of_the_batch():
    # Columns 3, 1, 2 of each row; the label's is the row's own number.
    # [.9 .1 .2] -> 0 before, [.1 .5 .5] -> 0 (tie with the column after it),
    # [.4 .2 .2] -> 2 (tie with the column before it).
    found = values((LABELS, SIMILARITIES))
    assert recalls(found, "Batch") == pytest.approx([2 / 3, 2 / 3, 1.0, 1.0])
    assert found["batch_mean_rank"] == pytest.approx(2 / 3)


def test_metrics_go_on_over_batches():
    found = values((LABELS, SIMILARITIES), (LABELS[:1], SIMILARITIES[:1]))
    assert found["Global_Recall/Recall_1"] == pytest.approx(2 / 4)


def test_a_label_outside_the_vocabulary_is_a_miss():
    found = values((np.array([0]), np.array([[9.0, 0.1, 0.2, 0.9, 0.3]], np.float32)))
    assert recalls(found, "Global") == [0.0] * 4
    # The last of five.
    assert found["global_mean_rank"] == 4.0


def test_names_are_model_makers():
    assert RankMetrics([1, 5]).names == [
        "Global_Recall/Recall_1",
        "Global_Recall/Recall_5",
        "global_mean_rank",
        "Batch_Recall/Recall_1",
        "Batch_Recall/Recall_5",
        "batch_mean_rank",
    ]


def test_ties_at_random_are_those_of_a_stable_sort():
    random = np.random.default_rng(0)
    # Few distinct similarities, so that there are many.
    similarities = random.integers(0, 3, (16, 30)).astype(np.float32)
    labels = random.integers(1, 30, 16).astype(np.int32)
    order = np.argsort(-similarities, axis=1, kind="stable")
    places = np.argmax(order == labels[:, None], axis=1)
    found = values((labels, similarities))
    assert found["global_mean_rank"] == pytest.approx(places.mean())
    assert found["Global_Recall/Recall_4"] == pytest.approx((places < 4).mean())
