"""Binary cross-entropy with sampled negatives, calibrated for their number."""

from __future__ import annotations

import keras
from keras import ops

from ondevice_rec.recommendation.losses.loss import Loss, Tensor, weights
from ondevice_rec.schemas import pipeline_config_pb2


class Gbce(Loss):
    """gBCE of gSASRec (Petrov and Macdonald, 2023, arXiv:2308.07192).

    The likelihood of the label is raised to the power beta, which undoes the
    overconfidence that few negatives cause. Here one uniform sample of negatives serves
    all examples of a step; the paper draws one per label.

    Args:
      num_sampled: Number of negatives.
      calibration: The paper's t, 0 (plain binary cross-entropy) to 1 (fully
        calibrated).
    """

    def __init__(self, num_sampled: int, calibration: float) -> None:
        super().__init__()
        self.num_sampled = num_sampled
        self.calibration = calibration
        self.random = keras.random.SeedGenerator()

    @classmethod
    def create(cls, training: pipeline_config_pb2.Training) -> Gbce:
        return cls(training.num_sampled, training.gbce_calibration)

    def call(self, vectors: Tensor, labels: Tensor, table: Tensor) -> Tensor:
        sampled = keras.random.randint(
            (self.num_sampled,), 1, table.shape[0], seed=self.random
        )
        own = ops.sum(vectors * ops.take(table, labels, axis=0), axis=1)
        similarities = ops.matmul(
            vectors, ops.transpose(ops.take(table, sampled, axis=0))
        )
        hit = ops.equal(ops.expand_dims(labels, 1), ops.expand_dims(sampled, 0))
        # -log(1 - sigmoid(s)) = softplus(s)
        negative = ops.where(hit, 0.0, ops.softplus(similarities))
        beta = gbce_beta(self.num_sampled, table.shape[0] - 1, self.calibration)
        losses = beta * ops.softplus(-own) + ops.sum(negative, axis=1)
        return ops.sum(weights(labels) * losses)


def gbce_beta(num_sampled: int, items: int, calibration: float) -> float:
    """The paper's beta; 1 where every other item is a negative."""
    rate = min(1.0, num_sampled / max(1, items - 1))
    return rate * (calibration * (1.0 - 1.0 / rate) + 1.0 / rate)
