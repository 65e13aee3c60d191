"""Causal self-attention over the context."""

from __future__ import annotations

import keras
from keras import ops

from ondevice_rec.recommendation.encoders.encoder import Tensor
from ondevice_rec.recommendation.encoders.stacked import StackedEncoder
from ondevice_rec.recommendation.encoders.transformer_block import TransformerBlock
from ondevice_rec.recommendation.spec import FeatureGroup, ModelHParams
from ondevice_rec.schemas.input_spec_check import group_dim


class TransformerEncoder(StackedEncoder):
    """Pre-norm blocks of causal self-attention with learned positions.

    After SASRec (Kang and McAuley, 2018, arXiv:1808.09781); the order of normalisation
    is that of Xiong et al. (2020, arXiv:2002.04745). Position 0 is the context's first
    event.

    Args:
      length: The most events of a context.
      dim: Dimension of the values.
      num_blocks: Blocks of attention and feed-forward layers.
      num_heads: Heads of the attention.
      feed_forward_ratio: Width of the feed-forward layers over that of the values.
      dropout: Share of the units dropped while training, at the input and at the end
        of each branch.
    """

    def __init__(
        self,
        length: int,
        dim: int,
        num_blocks: int,
        num_heads: int,
        feed_forward_ratio: int,
        dropout: float,
    ) -> None:
        super().__init__(
            [
                TransformerBlock(dim, num_heads, feed_forward_ratio, dropout)
                for _ in range(num_blocks)
            ],
            dropout,
        )
        self.positions = self.add_weight(
            (length, dim),
            initializer=keras.initializers.TruncatedNormal(stddev=dim**-0.5),
            name="positions",
        )

    @classmethod
    def create(
        cls, group: FeatureGroup, hparams: ModelHParams, label_embedding_dim: int
    ) -> TransformerEncoder:
        return cls(
            group.features[0].feature_length,
            group_dim(group),
            hparams.transformer_num_blocks,
            hparams.transformer_num_heads,
            hparams.transformer_feed_forward_ratio,
            hparams.dropout,
        )

    def placed(self, values: Tensor) -> Tensor:
        positions = ops.convert_to_tensor(self.positions)
        return values + positions[: ops.shape(values)[1]]
