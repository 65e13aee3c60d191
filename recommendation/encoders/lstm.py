"""A long short-term memory over the context."""

from __future__ import annotations

import keras

from ondevice_rec.recommendation.encoders.encoder import Encoder, Tensor
from ondevice_rec.recommendation.spec import FeatureGroup, ModelHParams


class LstmEncoder(Encoder):
    """State after the last position, padding included, as in Model Maker.

    Padding is read as zeros (`context_encoder.py` loses Keras's mask on the way), so
    weights trained with Model Maker give the same outputs here.

    Args:
      units: Size of the state.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.lstm = keras.layers.LSTM(units)

    @classmethod
    def create(
        cls, group: FeatureGroup, hparams: ModelHParams, label_embedding_dim: int
    ) -> LstmEncoder:
        return cls(hparams.lstm_num_units)

    def call(self, values: Tensor, present: Tensor | None) -> Tensor:
        return self.lstm(values)
