"""A gated recurrent unit over the context."""

from __future__ import annotations

import keras

from ondevice_rec.recommendation.encoders.causal import CausalEncoder
from ondevice_rec.recommendation.encoders.encoder import Tensor
from ondevice_rec.recommendation.spec import FeatureGroup, ModelHParams


class GruEncoder(CausalEncoder):
    """State of a GRU, as in GRU4Rec (Hidasi et al., 2016, arXiv:1511.06939).

    Args:
      units: Size of the state.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.gru = keras.layers.GRU(units, return_sequences=True)

    @classmethod
    def create(
        cls, group: FeatureGroup, hparams: ModelHParams, label_embedding_dim: int
    ) -> GruEncoder:
        return cls(hparams.gru_num_units)

    def states(self, values: Tensor, present: Tensor) -> Tensor:
        return self.gru(values)
