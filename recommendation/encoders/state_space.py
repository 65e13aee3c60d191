"""A state that forgets, read and written at every event."""

from __future__ import annotations

import keras

from ondevice_rec.recommendation.encoders.causal import CausalEncoder
from ondevice_rec.recommendation.encoders.encoder import Tensor
from ondevice_rec.recommendation.encoders.state_space_block import StateSpaceBlock
from ondevice_rec.recommendation.spec import FeatureGroup, ModelHParams
from ondevice_rec.schemas.input_spec_check import group_dim


class StateSpaceEncoder(CausalEncoder):
    """Blocks of a selective state space model, as matrix products.

    After Mamba-2 (Dao and Gu, 2024, arXiv:2405.21060). Its order comes from what is
    forgotten, so that there are no positions to learn: a model that was trained on long
    timelines can be given short contexts.

    Args:
      dim: Dimension of the values.
      num_blocks: Blocks of state and feed-forward layers.
      num_heads: States of a block.
      conv_kernel_size: Events that are mixed before they reach the state.
      feed_forward_ratio: Width of the feed-forward layers over that of the values.
      dropout: Share of the units dropped while training, at the input and at the end
        of each branch.
    """

    def __init__(
        self,
        dim: int,
        num_blocks: int,
        num_heads: int,
        conv_kernel_size: int,
        feed_forward_ratio: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.blocks = [
            StateSpaceBlock(
                dim, num_heads, conv_kernel_size, feed_forward_ratio, dropout
            )
            for _ in range(num_blocks)
        ]
        self.dropout = keras.layers.Dropout(dropout)
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6)

    @classmethod
    def create(
        cls, group: FeatureGroup, hparams: ModelHParams, label_embedding_dim: int
    ) -> StateSpaceEncoder:
        return cls(
            group_dim(group),
            hparams.state_space_num_blocks,
            hparams.state_space_num_heads,
            hparams.state_space_conv_kernel_size,
            hparams.state_space_feed_forward_ratio,
            hparams.dropout,
        )

    def states(self, values: Tensor, present: Tensor) -> Tensor:
        values = self.dropout(values)
        for block in self.blocks:
            values = block(values, present)
        return self.norm(values)

    def call(self, values: Tensor, present: Tensor | None) -> Tensor:
        values = self.dropout(values)
        *blocks, last = self.blocks
        for block in blocks:
            values = block(values, present)
        # The last block is asked for one position only: half the work of two blocks.
        return self.norm(last(values, present, last_only=True)[:, 0])
