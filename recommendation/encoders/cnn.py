"""Strided convolutions, then the maximum over time."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from ondevice_rec.recommendation.encoders.encoder import Encoder, Tensor
from ondevice_rec.recommendation.spec import FeatureGroup, ModelHParams


class CnnEncoder(Encoder):
    """Convolutions one after the other, as in Model Maker (`context_encoder.py`).

    Args:
      filters: Filters of each convolution.
      kernel_size: Kernel and stride, in positions.
    """

    def __init__(self, filters: Sequence[int], kernel_size: int) -> None:
        super().__init__()
        self.convolutions = [
            keras.layers.Conv1D(
                count, kernel_size, kernel_size, padding="same", activation="relu"
            )
            for count in filters
        ]

    @classmethod
    def create(
        cls, group: FeatureGroup, hparams: ModelHParams, label_embedding_dim: int
    ) -> CnnEncoder:
        return cls(
            [ratio * label_embedding_dim for ratio in hparams.conv_num_filter_ratios],
            hparams.conv_kernel_size,
        )

    def call(self, values: Tensor, present: Tensor | None) -> Tensor:
        for convolution in self.convolutions:
            values = convolution(values)
        return ops.max(values, axis=1)
