"""One block of a transformer."""

from __future__ import annotations

import keras
from keras import ops

from ondevice_rec.recommendation.encoders.attention import CausalSelfAttention
from ondevice_rec.recommendation.encoders.causal import at_last
from ondevice_rec.recommendation.encoders.encoder import Tensor


class TransformerBlock(keras.layers.Layer):
    """Attention, then two dense layers for each position; both are added to it.

    Args:
      dim: Dimension of the values.
      num_heads: Heads of the attention.
      feed_forward_ratio: Width of the first dense layer over `dim`.
      dropout: Share of the units dropped while training.
    """

    def __init__(
        self, dim: int, num_heads: int, feed_forward_ratio: int, dropout: float
    ) -> None:
        super().__init__()
        self.attention_norm = keras.layers.LayerNormalization(epsilon=1e-6)
        self.attention = CausalSelfAttention(dim, num_heads)
        self.dense_norm = keras.layers.LayerNormalization(epsilon=1e-6)
        self.wide = keras.layers.Dense(feed_forward_ratio * dim, activation="relu")
        self.narrow = keras.layers.Dense(dim)
        self.dropout = keras.layers.Dropout(dropout)

    def call(self, values: Tensor, present: Tensor, last_only: bool = False) -> Tensor:
        """Transforms values.

        Args:
          values: float32 `[batch, length, dim]`.
          present: float32 `[batch, length]`, 1 or 0.
          last_only: Works out the last position that is present, and no other.

        Returns:
          As `values`; `[batch, 1, dim]` with `last_only`.
        """
        normal = queries = self.attention_norm(values)
        if last_only:
            # Nothing that is present comes after it: one query attends to all.
            queries = ops.expand_dims(at_last(normal, present), 1)
            values = ops.expand_dims(at_last(values, present), 1)
        values += self.dropout(self.attention(queries, normal, present))
        found = self.narrow(self.wide(self.dense_norm(values)))
        return values + self.dropout(found)
