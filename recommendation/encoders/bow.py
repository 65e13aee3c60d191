"""Bag of words: the mean of a group's values."""

from __future__ import annotations

from keras import ops

from ondevice_rec.recommendation.encoders.encoder import Encoder, Tensor
from ondevice_rec.recommendation.spec import FeatureGroup, ModelHParams


class BowEncoder(Encoder):
    """Mean over the positions that are not masked, 0 where all are.

    As in Model Maker (`context_encoder.py`), a group of numbers only is summed.
    """

    @classmethod
    def create(
        cls, group: FeatureGroup, hparams: ModelHParams, label_embedding_dim: int
    ) -> BowEncoder:
        return cls()

    def call(self, values: Tensor, present: Tensor | None) -> Tensor:
        total = ops.sum(values, axis=1)
        if present is None:
            return total
        # A sum over nothing is 0 already: dividing it by 1 is the safe division.
        return total / ops.maximum(ops.sum(present, axis=1, keepdims=True), 1.0)
