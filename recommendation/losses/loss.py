"""What every training loss is."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ondevice_rec.schemas import pipeline_config_pb2, timeline

Tensor = Any


class Loss(keras.layers.Layer):
    """Says how far the vectors of contexts are from the items that followed.

    It is given the vectors, not their similarities to all items, so that a loss need
    not hold a number for every pair of a context and an item.
    """

    @classmethod
    def create(cls, training: pipeline_config_pb2.Training) -> Loss:
        """The loss with the settings of a training."""
        raise NotImplementedError

    def call(self, vectors: Tensor, labels: Tensor, table: Tensor) -> Tensor:
        """The mean loss of the labels that are items.

        Args:
          vectors: float32 `[examples, dim]`, of the contexts.
          labels: int32 `[examples]`; those that are 0 do not count.
          table: float32 `[vocab_size, dim]`, of the items; row 0 is no item.

        Returns:
          float32, a scalar; 0 where no label counts.
        """
        raise NotImplementedError


def weights(labels: Tensor) -> Tensor:
    """What each label counts, adding up to 1: float32 `[examples]`."""
    counted = ops.cast(ops.not_equal(labels, timeline.OOV_ID), "float32")
    return counted / ops.maximum(ops.sum(counted), 1.0)
