"""Cross-entropy with the other labels of the batch as negatives."""

from __future__ import annotations

from keras import ops

from ondevice_rec.recommendation.losses.loss import Loss, Tensor, weights
from ondevice_rec.schemas import pipeline_config_pb2, timeline

_NEVER = -1e9


class BatchSoftmax(Loss):
    """Model Maker's `BatchSoftmax` (`losses.py`).

    An item that is the label of two examples is a negative of both, as there.
    """

    @classmethod
    def create(cls, training: pipeline_config_pb2.Training) -> BatchSoftmax:
        return cls()

    def call(self, vectors: Tensor, labels: Tensor, table: Tensor) -> Tensor:
        candidates = ops.take(table, labels, axis=0)
        similarities = ops.matmul(vectors, ops.transpose(candidates))
        # A label that does not count is no negative either.
        similarities += _NEVER * ops.cast(ops.equal(labels, timeline.OOV_ID), "float32")
        losses = ops.sparse_categorical_crossentropy(
            ops.arange(ops.shape(labels)[0]), similarities, from_logits=True
        )
        return ops.sum(weights(labels) * losses)
