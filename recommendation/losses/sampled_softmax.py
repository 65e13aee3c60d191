"""Cross-entropy with a sample of the items as negatives."""

from __future__ import annotations

import math

import keras
from keras import ops

from ondevice_rec.recommendation.losses.loss import Loss, Tensor, weights
from ondevice_rec.schemas import pipeline_config_pb2

_NEVER = -1e9


class SampledSoftmax(Loss):
    """Softmax over the label and sampled items, corrected by log Q.

    One sample, with replacement, serves all examples of a step. Ids are in decreasing
    order of their counts, and are drawn log-uniformly, as often as a Zipf law has them
    in the data. Subtracting the logarithm of its expected count from the similarity of
    a negative makes the sample's total an unbiased estimate of all other items' (Bengio
    and Senecal, 2008). The label is not drawn, so its similarity stays as it is
    (Khrylchenko et al., "Correcting the LogQ Correction", RecSys 2025); TensorFlow's
    `sampled_softmax_loss` corrects it too.

    Args:
      num_sampled: Size of the sample.
    """

    def __init__(self, num_sampled: int) -> None:
        super().__init__()
        self.num_sampled = num_sampled
        self.random = keras.random.SeedGenerator()

    @classmethod
    def create(cls, training: pipeline_config_pb2.Training) -> SampledSoftmax:
        return cls(training.num_sampled)

    def call(self, vectors: Tensor, labels: Tensor, table: Tensor) -> Tensor:
        sampled = log_uniform(self.random, self.num_sampled, table.shape[0])
        own = ops.sum(vectors * ops.take(table, labels, axis=0), axis=1)
        negatives = ops.take(table, sampled, axis=0)
        similarities = ops.matmul(vectors, ops.transpose(negatives))
        similarities -= self._log_expected(sampled, table.shape[0])
        hit = ops.equal(ops.expand_dims(labels, 1), ops.expand_dims(sampled, 0))
        similarities = ops.where(hit, _NEVER, similarities)
        own = ops.expand_dims(own, 1)
        everything = ops.concatenate([own, similarities], axis=1)
        losses = ops.logsumexp(everything, axis=1) - own[:, 0]
        return ops.sum(weights(labels) * losses)

    def _log_expected(self, ids: Tensor, vocab_size: int) -> Tensor:
        """Logarithm of how often an id is expected in the sample."""
        id_ = ops.maximum(ops.cast(ids, "float32"), 1.0)
        likelihood = ops.log1p(1.0 / id_) / math.log(vocab_size)
        return ops.log(self.num_sampled * likelihood)


def log_uniform(
    random: keras.random.SeedGenerator, count: int, vocab_size: int
) -> Tensor:
    """Ids from 1 on, i with likelihood log(1 + 1 / i) / log(vocab_size).

    Returns:
      int32 `[count]`.
    """
    uniform = keras.random.uniform((count,), seed=random)
    ids = ops.cast(ops.exp(uniform * math.log(vocab_size)), "int32")
    # Rounding may reach the bound.
    return ops.minimum(ids, vocab_size - 1)
