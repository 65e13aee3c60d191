"""A learner with Model Maker's metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from ondevice_rec.recommendation.learner import LABEL, Learner
from ondevice_rec.recommendation.losses.loss import Loss
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.task.metrics import RankMetrics

Tensor = Any


class MeasuredLearner(Learner):
    """A learner from examples that also works out `RankMetrics`.

    Args:
      model: Is trained in place.
      loss: What is minimised.
      top_k: The k's of the recalls.
    """

    def __init__(
        self, model: RecommendationModel, loss: Loss, top_k: Sequence[int]
    ) -> None:
        super().__init__(model, loss)
        self.ranks = RankMetrics(top_k)

    def call(
        self, inputs: Mapping[str, Tensor], training: bool | None = None
    ) -> dict[str, Tensor]:
        """Adds the loss.

        Returns:
          What `RankMetrics.update_state` takes. JAX has no weights at hand when metrics
          are updated, so the similarities are worked out here.
        """
        vectors = super().call(inputs, training)
        labels = ops.cast(ops.reshape(inputs[LABEL], (-1,)), "int32")
        table = self.model.item_table
        own = ops.take(table, labels, axis=0)
        return {
            "labels": labels,
            "of_all": ops.matmul(vectors, ops.transpose(table)),
            "of_batch": ops.matmul(vectors, ops.transpose(own)),
        }

    def compute_metrics(
        self,
        x: Mapping[str, Tensor],
        y: Tensor,
        y_pred: dict[str, Tensor],
        sample_weight: Tensor | None = None,
    ) -> dict[str, Any]:
        """Adds the batch to the metrics."""
        self.ranks.update_state(**y_pred)
        return self.get_metrics_result()
