"""Model Maker's metrics in one, so that a step ranks its labels only once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ondevice_rec.schemas.timeline import OOV_ID

Tensor = Any

_PLACES = ("Global", "Batch")


class RankMetrics(keras.metrics.Metric):
    """Recalls and mean ranks among all ids, and among the labels of the batch.

    The values of Model Maker's `GlobalRecall`, `GlobalMeanRank`, `BatchRecall` and
    `BatchMeanRank`, but that labels outside the vocabulary are misses: no
    recommendation is right for them, and their rank is the last. The best rank is 0.

    Args:
      top_k: The k's of the recalls.
    """

    def __init__(self, top_k: Sequence[int]) -> None:
        super().__init__(name="ranks")
        self._top_k = tuple(top_k)
        self.names = [
            name
            for place in _PLACES
            for name in (
                *(f"{place}_Recall/Recall_{k}" for k in top_k),
                f"{place.lower()}_mean_rank",
            )
        ]
        self._sums = self.add_weight(
            shape=(len(self.names),), initializer="zeros", name="sums"
        )
        self._count = self.add_weight(shape=(), initializer="zeros", name="count")

    def update_state(
        self, labels: Tensor, of_all: Tensor, of_batch: Tensor | None = None
    ) -> None:
        """Adds a batch.

        Args:
          labels: int32 `[batch]` or `[batch, 1]`.
          of_all: Similarities of the contexts to all ids, float32
            `[batch, vocab_size]`.
          of_batch: To the labels of the batch, float32 `[batch, batch]`; None: they are
            taken from `of_all`, which is slow.
        """
        labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
        if of_batch is None:
            of_batch = ops.take(of_all, labels, axis=1)
        missed = ops.equal(labels, OOV_ID)
        rows = ops.arange(ops.shape(labels)[0])
        sums = []
        for similarities, index in ((of_all, labels), (of_batch, rows)):
            before = ids_before(similarities, ops.expand_dims(index, -1))
            last = ops.cast(ops.shape(similarities)[1] - 1, "float32")
            before = ops.where(missed, last, before)
            found = ops.logical_not(missed)
            sums += [
                ops.sum(ops.cast(ops.logical_and(before < k, found), "float32"))
                for k in self._top_k
            ]
            sums.append(ops.sum(before))
        self._sums.assign_add(ops.stack(sums))
        self._count.assign_add(ops.cast(ops.shape(labels)[0], "float32"))

    def result(self) -> dict[str, Tensor]:
        """The means, in Model Maker's order."""
        means = ops.divide_no_nan(self._sums, self._count)
        return {name: means[place] for place, name in enumerate(self.names)}


def ids_before(similarities: Tensor, index: Tensor) -> Tensor:
    """Number of columns that come before column `index` of their row.

    A column does when it is higher, or equal and further left.

    Args:
      similarities: `[batch, columns]` float32.
      index: `[batch, 1]` int32.

    Returns:
      `[batch]` float32, 0 for the best.
    """
    own = ops.take_along_axis(similarities, index, axis=1)
    higher = ops.greater(similarities, own)
    columns = ops.expand_dims(ops.arange(ops.shape(similarities)[1]), 0)
    tied = ops.logical_and(ops.equal(similarities, own), ops.less(columns, index))
    return ops.sum(ops.cast(ops.logical_or(higher, tied), "float32"), axis=1)
