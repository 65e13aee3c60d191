"""A state that forgets, read and written at every event."""

from __future__ import annotations

from ondevice_rec.recommendation.encoders.stacked import StackedEncoder
from ondevice_rec.recommendation.encoders.state_space_block import StateSpaceBlock
from ondevice_rec.recommendation.spec import FeatureGroup, ModelHParams
from ondevice_rec.schemas.input_spec_check import group_dim


class StateSpaceEncoder(StackedEncoder):
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
        super().__init__(
            [
                StateSpaceBlock(
                    dim, num_heads, conv_kernel_size, feed_forward_ratio, dropout
                )
                for _ in range(num_blocks)
            ],
            dropout,
        )

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
