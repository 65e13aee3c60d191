"""Metrics on similarities worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ondevice_rec.recommendation import metrics

# Contexts by ids; the labels are 2, 0 and 1. Their places among all ids are 0, 1 (a
# tie with id 1, whose index is higher, and id 3 before it) and 3 (a tie with id 0
# before it); among the labels of the batch 0, 0 (a tie) and 2.
SIMILARITIES = np.array(
    [[0.1, 0.2, 0.9, 0.3], [0.5, 0.5, 0.1, 0.7], [0.2, 0.2, 0.4, 0.6]], np.float32
)
LABELS = np.array([[2], [0], [1]], np.int32)


def value(metric):
    metric.update_state(LABELS, SIMILARITIES)
    return float(metric.result())


def test_global_metrics():
    recalls = [value(metrics.GlobalRecall(k)) for k in (1, 2, 3, 4)]
    assert recalls == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1.0])
    assert value(metrics.GlobalMeanRank()) == pytest.approx((0 + 1 + 3) / 3)


def test_batch_metrics():
    # Columns 2, 0, 1 of each row; the label's is the row's own number.
    # [.9 .1 .2] -> 0 before, [.1 .5 .5] -> 0 (tie with the column after it),
    # [.4 .2 .2] -> 2 (tie with the column before it).
    recalls = [value(metrics.BatchRecall(k)) for k in (1, 2, 3)]
    assert recalls == pytest.approx([2 / 3, 2 / 3, 1.0])
    assert value(metrics.BatchMeanRank()) == pytest.approx(2 / 3)


def test_metrics_go_on_over_batches():
    metric = metrics.GlobalRecall(1)
    metric.update_state(LABELS, SIMILARITIES)
    metric.update_state(LABELS[:1], SIMILARITIES[:1])
    assert float(metric.result()) == pytest.approx(2 / 4)


def test_names_are_model_makers():
    assert [metric.name for metric in metrics.metrics_for([1, 5])] == [
        "Global_Recall/Recall_1",
        "Global_Recall/Recall_5",
        "global_mean_rank",
        "Batch_Recall/Recall_1",
        "Batch_Recall/Recall_5",
        "batch_mean_rank",
    ]
