"""Softmax losses on the similarities of a context to every item."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

Tensor = Any


class GlobalSoftmax(keras.losses.Loss):
    """Cross-entropy with every other id of the vocabulary as a negative.

    Model Maker's `GlobalSoftmax` (`losses.py`) without its one-hot matrix.
    """

    def __init__(self, name: str = "global_softmax") -> None:
        super().__init__(name=name)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Losses of the examples.

        Args:
          y_true: int32 labels `[batch]` or `[batch, 1]`.
          y_pred: Similarities, float32 `[batch, vocab_size]`.

        Returns:
          float32 `[batch]`.
        """
        return ops.sparse_categorical_crossentropy(
            _ids(y_true), y_pred, from_logits=True
        )


class BatchSoftmax(keras.losses.Loss):
    """Cross-entropy with the other labels of the batch as negatives.

    Model Maker's `BatchSoftmax` (`losses.py`).
    """

    def __init__(self, name: str = "batch_softmax") -> None:
        super().__init__(name=name)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """As `GlobalSoftmax.call`."""
        logits = ops.take(y_pred, _ids(y_true), axis=1)
        return ops.sparse_categorical_crossentropy(
            ops.arange(ops.shape(logits)[0]), logits, from_logits=True
        )


def _ids(labels: Tensor) -> Tensor:
    return ops.cast(ops.reshape(labels, (-1,)), "int32")
