"""A recurrent layer as a loop that TFLite runs for any batch size.

Keras's own loops keep their steps in TensorArrays. TFLite's converter wants the shape
of what is in them, batch included, or takes custom operations; and where a GPU is
present, Keras calls cuDNN instead, which no other machine runs.

TFLite has one operation for an LSTM. It is not used: it keeps its state from one call
to the next, LiteRT's web runtime does not load it, and with float16 weights the
converter of TensorFlow 2.16 dies of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


def plain_loop(
    layer: keras.layers.RNN,
    sequences: tf.Tensor,
    initial_state: Sequence[tf.Tensor],
    mask: tf.Tensor | None,
    training: bool = False,
) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
    """Stands in for `keras.layers.RNN.inner_loop`, from a state of zeros.

    Returns:
      The last output `[batch, units]`; all outputs `[batch, length, units]` where the
      layer returns them, else the last one; the last states.
    """
    if mask is not None or layer.go_backwards:
        raise NotImplementedError(
            f"`{layer.name}` reads a mask or goes backwards, which cannot be exported."
        )
    length = sequences.shape[1]
    places = tf.range(length)[tf.newaxis, :, tf.newaxis]
    # Keras's zeros are shaped at run time, which costs what `top_k_shape` says.
    blank = tf.zeros_like(sequences[:, 0, :1])
    states = [tf.tile(blank, [1, state.shape[-1]]) for state in initial_state]
    output = states[0]
    outputs = output
    if layer.return_sequences:
        outputs = tf.tile(output[:, tf.newaxis], [1, length, 1])

    def step(
        place: tf.Tensor, outputs: tf.Tensor, output: tf.Tensor, *states: tf.Tensor
    ) -> Any:
        output, states = layer.cell(tf.gather(sequences, place, axis=1), list(states))
        if layer.return_sequences:
            # No scatter along the second axis in TFLite's built-in operations.
            outputs = tf.where(places == place, output[:, tf.newaxis], outputs)
        else:
            outputs = output
        return place + 1, outputs, output, *states

    _, outputs, output, *states = tf.while_loop(
        lambda place, *_: place < length, step, (0, outputs, output, *states)
    )
    return output, outputs, states
