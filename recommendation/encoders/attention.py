"""Causal self-attention that converts to plain TensorFlow Lite operations."""

from __future__ import annotations

import math

import keras
from keras import ops

from ondevice_rec.recommendation.encoders.causal import not_later
from ondevice_rec.recommendation.encoders.encoder import Tensor

# Added to what may not be attended to, in training: however far apart scores get, its
# exponential is 0 in float32, and it is a float16 still.
_NEVER = -1e4
# Elsewhere: 0 as well, unless a score is 84 higher than what may be attended to. Eight
# bits for the scores have steps of half a unit then, with the above steps of 40.
_NEVER_SERVED = -100.0


class CausalSelfAttention(keras.layers.Layer):
    """Multi-head attention (Vaswani et al., 2017, arXiv:1706.03762).

    Keras's `MultiHeadAttention` without its einsums, each of which becomes transposes
    and reshapes on the device, and with one query for a whole context.

    Args:
      dim: Dimension of the values.
      num_heads: Heads; must divide `dim`.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = keras.layers.Dense(dim, name="query")
        self.key = keras.layers.Dense(dim, name="key")
        self.value = keras.layers.Dense(dim, name="value")
        self.mix = keras.layers.Dense(dim, name="mix")

    def call(
        self,
        queries: Tensor,
        values: Tensor,
        present: Tensor,
        training: bool | None = None,
    ) -> Tensor:
        """Attends from queries to values.

        Args:
          queries: `[batch, length, dim]`, each of which attends to the positions up to
            its own; or `[batch, 1, dim]`, which attends to all.
          values: `[batch, length, dim]`.
          present: `[batch, length]` float32, 0 where nothing attends to.
          training: Whether it is; Keras passes it on from the outermost layer.

        Returns:
          As `queries`.
        """
        query, key, value = self.query(queries), self.key(values), self.value(values)
        query, key, value = (self._heads(each) for each in (query, key, value))
        scores = ops.matmul(query / math.sqrt(query.shape[-1]), self._transposed(key))
        hidden = ops.expand_dims(ops.expand_dims(1.0 - present, 1), 1)
        if queries.shape[1] != 1:
            later = 1.0 - not_later(present)
            hidden = ops.maximum(hidden, ops.expand_dims(later, 1))
        never = _NEVER if training else _NEVER_SERVED
        likelihood = ops.softmax(scores + never * hidden)
        found = ops.transpose(ops.matmul(likelihood, value), (0, 2, 1, 3))
        return self.mix(ops.reshape(found, ops.shape(queries)))

    def _heads(self, values: Tensor) -> Tensor:
        """`[batch, length, dim]` -> `[batch, heads, length, dim / heads]`."""
        length = ops.shape(values)[1]
        size = values.shape[-1] // self.num_heads
        values = ops.reshape(values, (-1, length, self.num_heads, size))
        return ops.transpose(values, (0, 2, 1, 3))

    def _transposed(self, values: Tensor) -> Tensor:
        return ops.transpose(values, (0, 1, 3, 2))
