"""Blocks one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from ondevice_rec.recommendation.encoders.causal import CausalEncoder
from ondevice_rec.recommendation.encoders.encoder import Tensor


class StackedEncoder(CausalEncoder):
    """Blocks that each see what the one before made of the events, then a norm.

    Args:
      blocks: Layers called with values `[batch, length, dim]`, `present`
        `[batch, length]` and `last_only`, whether the last position that is present is
        all that is asked for; they give as many values.
      dropout: Share of the units dropped at the input while training.
    """

    def __init__(self, blocks: Sequence[keras.layers.Layer], dropout: float) -> None:
        super().__init__()
        self.blocks = list(blocks)
        self.dropout = keras.layers.Dropout(dropout)
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6)

    def placed(self, values: Tensor) -> Tensor:
        """The values with what tells where they stand; here nothing does."""
        return values

    def states(self, values: Tensor, present: Tensor) -> Tensor:
        values = self.dropout(self.placed(values))
        for block in self.blocks:
            values = block(values, present)
        return self.norm(values)

    def call(self, values: Tensor, present: Tensor | None) -> Tensor:
        values = self.dropout(self.placed(values))
        *blocks, last = self.blocks
        for block in blocks:
            values = block(values, present)
        # The last block is asked for one position only: half the work of two blocks.
        return self.norm(last(values, present, last_only=True)[:, 0])
