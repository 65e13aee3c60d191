"""Encoders that read a context in order, one event after the other."""

from __future__ import annotations

from keras import ops

from ondevice_rec.recommendation.encoders.encoder import Encoder, Tensor


class CausalEncoder(Encoder):
    """An encoder with a state after each event, of it and earlier ones only.

    So one pass over a timeline gives the vectors of all its windows that begin with
    it: training takes as many steps less.

    A context's vector is the state after its last event that is present; values may be
    absent in between.
    """

    def states(self, values: Tensor, present: Tensor) -> Tensor:
        """Encodes up to every position.

        Args:
          values: `[batch, length, dim]` float32, zero where not present; `length` is
            at most `feature_length`.
          present: `[batch, length]` float32, 1 or 0.

        Returns:
          `[batch, length, units]` float32.
        """
        raise NotImplementedError

    def call(self, values: Tensor, present: Tensor | None) -> Tensor:
        return at_last(self.states(values, present), present)


def at_last(states: Tensor, present: Tensor) -> Tensor:
    """The values at the last position that is present, zeros where none is.

    Args:
      states: `[batch, length, units]`.
      present: `[batch, length]` float32, 1 or 0.

    Returns:
      `[batch, units]`.
    """
    places = ops.arange(1, states.shape[1] + 1, dtype="float32")
    last = ops.max(present * places, axis=1, keepdims=True)
    chosen = ops.cast(ops.equal(places, last), states.dtype)
    # A sum, because TensorFlow Lite gathers along one axis only.
    return ops.sum(states * ops.expand_dims(chosen, -1), axis=1)


def not_later(present: Tensor) -> Tensor:
    """Which positions may be looked at from each position.

    Worked out from what is present, and not of positions alone: that would be a table
    in the TFLite file, 160 KB of it for 200 events.

    Args:
      present: `[batch, length]` float32, 1 or 0.

    Returns:
      float32 `[batch, length, length]`, 1 where the second position is not after the
      first, else 0. Where one of them is absent it says nothing.
    """
    # Integers, which stay as they are where activations become 8 bits.
    places = ops.arange(1, ops.shape(present)[1] + 1, dtype="int32")
    places = ops.cast(present, "int32") * places
    found = ops.greater_equal(ops.expand_dims(places, 2), ops.expand_dims(places, 1))
    return ops.cast(found, "float32")
