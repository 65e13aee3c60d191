"""One block of a state space model."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from ondevice_rec.recommendation.encoders.causal import at_last, not_later
from ondevice_rec.recommendation.encoders.encoder import Tensor

# What a head forgets at each event in the beginning, its logarithm: from one that
# remembers the last three events to one that remembers fifty.
_FORGETS = (0.02, 0.3)


class StateSpaceBlock(keras.layers.Layer):
    """State space duality, then two dense layers for each position; both are added.

    Each head has a state, the matrix S, into which every event writes, and which it
    reads (Mamba-2, arXiv:2405.21060, and linear attention before it):

        S(t) = decay(t) S(t-1) + key(t) value(t)^T,    found(t) = query(t) S(t)

    with a decay from 0 to 1 that the event decides. Here all positions are worked out
    at once, as attention is, with the product of the decays since an event in the place
    of the softmax: matrix products are what TensorFlow, XLA and TensorFlow Lite do
    best. Before it, a causal convolution over each channel mixes the last few events;
    behind it, a gate decides what is let through.

    Args:
      dim: Dimension of the values.
      num_heads: Heads; must divide `dim`.
      conv_kernel_size: Events the convolution looks at.
      feed_forward_ratio: Width of the first dense layer over `dim`.
      dropout: Share of the units dropped while training.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        conv_kernel_size: int,
        feed_forward_ratio: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.conv_kernel_size = conv_kernel_size
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6)
        # At first nothing but the event itself.
        itself = np.zeros((conv_kernel_size, dim), "float32")
        itself[-1] = 1.0
        self.taps = self.add_weight(
            itself.shape, initializer=lambda *_, **__: itself, name="taps"
        )
        self.query = keras.layers.Dense(dim, name="query")
        self.key = keras.layers.Dense(dim, name="key")
        self.value = keras.layers.Dense(dim, name="value")
        kept = -np.log(np.expm1(np.geomspace(*_FORGETS, num_heads)))
        self.keep = keras.layers.Dense(
            num_heads,
            bias_initializer=lambda *_, **__: kept.astype("float32"),
            name="keep",
        )
        self.gate = keras.layers.Dense(dim, activation="silu", name="gate")
        self.found_norm = keras.layers.LayerNormalization(epsilon=1e-6)
        self.mix = keras.layers.Dense(dim, name="mix")
        self.dense_norm = keras.layers.LayerNormalization(epsilon=1e-6)
        self.wide = keras.layers.Dense(feed_forward_ratio * dim, activation="silu")
        self.narrow = keras.layers.Dense(dim)
        self.dropout = keras.layers.Dropout(dropout)

    def call(self, values: Tensor, present: Tensor, last_only: bool = False) -> Tensor:
        """Transforms values.

        Args:
          values: float32 `[batch, length, dim]`.
          present: float32 `[batch, length]`, 1 or 0; what is absent neither writes nor
            forgets.
          last_only: Works out the last position that is present, and no other.

        Returns:
          As `values`; `[batch, 1, dim]` with `last_only`.
        """
        events = self._mixed(self.norm(values) * ops.expand_dims(present, -1))
        readers = events
        if last_only:
            readers = ops.expand_dims(at_last(events, present), 1)
            values = ops.expand_dims(at_last(values, present), 1)
        found = self.found_norm(self._read(readers, events, present))
        values += self.dropout(self.mix(found * self.gate(readers)))
        wide = self.wide(self.dense_norm(values))
        return values + self.dropout(self.narrow(wide))

    def _mixed(self, events: Tensor) -> Tensor:
        """The causal convolution; slices convert to fewer operations than a layer."""
        length = ops.shape(events)[1]
        taps = ops.convert_to_tensor(self.taps)
        before = self.conv_kernel_size - 1
        padded = ops.pad(events, [[0, 0], [before, 0], [0, 0]])
        return sum(
            padded[:, i : i + length] * taps[i] for i in range(self.conv_kernel_size)
        )

    def _read(self, readers: Tensor, events: Tensor, present: Tensor) -> Tensor:
        """What the states hold for the readers."""
        query, key = self._heads(self.query(readers)), self._heads(self.key(events))
        value = self._heads(self.value(events))
        products = ops.matmul(
            query / math.sqrt(query.shape[-1]), ops.transpose(key, (0, 1, 3, 2))
        )
        weights = products * self._decays(events, present, readers.shape[1] == 1)
        found = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
        return ops.reshape(found, ops.shape(readers))

    def _decays(self, events: Tensor, present: Tensor, last_only: bool) -> Tensor:
        """What each position still has of each event.

        Returns:
          `[batch, heads, length, length]`, or 1 in the place of the first length; 0 for
          later events and those that are absent.
        """
        here = ops.expand_dims(present, 1)
        logs = ops.transpose(_log_sigmoid(self.keep(events)), (0, 2, 1)) * here
        until = not_later(present)
        # A sum up to each position: a product with ones and zeros.
        sums = ops.matmul(logs, ops.transpose(until, (0, 2, 1)))
        if last_only:
            ends = ops.sum(logs, axis=2, keepdims=True)
            decays = ops.expand_dims(ops.exp(ends - sums), 2)
        else:
            since = ops.expand_dims(sums, 3) - ops.expand_dims(sums, 2)
            # Later events have a positive one, whose exponential might overflow.
            decays = ops.exp(ops.minimum(since, 0.0)) * ops.expand_dims(until, 1)
        return decays * ops.expand_dims(here, 1)

    def _heads(self, values: Tensor) -> Tensor:
        """`[batch, length, dim]` -> `[batch, heads, length, dim / heads]`."""
        length = ops.shape(values)[1]
        size = values.shape[-1] // self.num_heads
        values = ops.reshape(values, (-1, length, self.num_heads, size))
        return ops.transpose(values, (0, 2, 1, 3))


def _log_sigmoid(values: Tensor) -> Tensor:
    """By operations that TensorFlow Lite has."""
    return ops.minimum(values, 0.0) - ops.log(1.0 + ops.exp(-ops.abs(values)))
