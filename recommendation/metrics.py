"""Model Maker's metrics, worked out from the rank of the true label.

The same values as its `metrics.py`, without sorting or one-hot matrices: a label is
among the top k when fewer than k ids come before it. An id comes before another when
its similarity is higher, or equal and its index lower.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

Tensor = Any


def ids_before(similarities: Tensor, index: Tensor) -> Tensor:
    """Number of columns that come before column `index` of their row.

    Args:
      similarities: `[batch, columns]` float32.
      index: `[batch]` int32.

    Returns:
      `[batch]` int32, 0 for the best.
    """
    index = ops.expand_dims(index, -1)
    own = ops.take_along_axis(similarities, index, axis=1)
    columns = ops.expand_dims(ops.arange(ops.shape(similarities)[1]), 0)
    tied = ops.logical_and(ops.equal(similarities, own), ops.less(columns, index))
    before = ops.logical_or(ops.greater(similarities, own), tied)
    return ops.sum(ops.cast(before, "int32"), axis=1)


def _in_vocabulary(labels: Tensor, similarities: Tensor) -> Tensor:
    return ids_before(similarities, _ids(labels))


def _in_batch(labels: Tensor, similarities: Tensor) -> Tensor:
    similarities = ops.take(similarities, _ids(labels), axis=1)
    return ids_before(similarities, ops.arange(ops.shape(similarities)[0]))


def _ids(labels: Tensor) -> Tensor:
    return ops.cast(ops.reshape(labels, (-1,)), "int32")


class _Recall(keras.metrics.Mean):
    def __init__(self, top_k: int, name: str) -> None:
        super().__init__(name=name)
        self.top_k = top_k

    def _hits(self, before: Tensor) -> Tensor:
        return ops.cast(ops.less(before, self.top_k), "float32")


class GlobalRecall(_Recall):
    """Share of the examples whose label is among the `top_k` ids."""

    def __init__(self, top_k: int = 1, name: str = "global_recall") -> None:
        super().__init__(top_k, name)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Labels `[batch]` or `[batch, 1]`, similarities `[batch, vocab_size]`."""
        super().update_state(self._hits(_in_vocabulary(y_true, y_pred)), sample_weight)


class BatchRecall(_Recall):
    """Share of the examples whose label is among the `top_k` labels of the batch."""

    def __init__(self, top_k: int = 1, name: str = "batch_recall") -> None:
        super().__init__(top_k, name)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """As `GlobalRecall.update_state`."""
        super().update_state(self._hits(_in_batch(y_true, y_pred)), sample_weight)


class GlobalMeanRank(keras.metrics.Mean):
    """Mean number of ids that come before the label, 0 at best."""

    def __init__(self, name: str = "global_mean_rank") -> None:
        super().__init__(name=name)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """As `GlobalRecall.update_state`."""
        super().update_state(
            ops.cast(_in_vocabulary(y_true, y_pred), "float32"), sample_weight
        )


class BatchMeanRank(keras.metrics.Mean):
    """Mean number of the batch's labels that come before the label, 0 at best."""

    def __init__(self, name: str = "batch_mean_rank") -> None:
        super().__init__(name=name)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """As `GlobalRecall.update_state`."""
        super().update_state(
            ops.cast(_in_batch(y_true, y_pred), "float32"), sample_weight
        )


def metrics_for(eval_top_k: Sequence[int]) -> list[keras.metrics.Metric]:
    """Model Maker's metrics under its names, e.g. `Global_Recall/Recall_5`."""
    return [
        *(GlobalRecall(k, name=f"Global_Recall/Recall_{k}") for k in eval_top_k),
        GlobalMeanRank(),
        *(BatchRecall(k, name=f"Batch_Recall/Recall_{k}") for k in eval_top_k),
        BatchMeanRank(),
    ]
