"""What every context encoder is."""

from __future__ import annotations

from typing import Any

import keras

from ondevice_rec.recommendation.spec import FeatureGroup, ModelHParams

Tensor = Any


class Encoder(keras.layers.Layer):
    """Turns the embedded values of a feature group into one vector."""

    @classmethod
    def create(
        cls, group: FeatureGroup, hparams: ModelHParams, label_embedding_dim: int
    ) -> Encoder:
        """An encoder of the size that `hparams` states."""
        raise NotImplementedError

    def call(self, values: Tensor, present: Tensor | None) -> Tensor:
        """Encodes a batch.

        Args:
          values: `[batch, feature_length, dim]` float32, zero where not present.
          present: `[batch, feature_length]` float32, 0 for padding and
            out-of-vocabulary, 1 elsewhere; None for a group of numbers only, in
            which padding cannot be told from a value.

        Returns:
          `[batch, units]` float32.
        """
        raise NotImplementedError
