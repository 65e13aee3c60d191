"""An LSTM that TFLite's converter makes one operation of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# The converter (`prepare_composite_functions_tf.cc`) replaces a function of these
# attributes, six arguments and five results, of which only the first two may be used,
# with UNIDIRECTIONAL_SEQUENCE_LSTM. They are those of the LSTM of Keras 2.
_ATTRIBUTES = {
    "api_implements": "lstm_ondevice_rec",
    "api_preferred_device": "CPU",
    "go_backwards": False,
    "time_major": False,
}
# What is added to a gate to close it, whatever the rest of its input.
_CLOSED = 1e4


def fused_lstm(
    layer: keras.layers.LSTM,
    sequences: tf.Tensor,
    initial_state: Sequence[tf.Tensor],
    mask: tf.Tensor | None,
    training: bool = False,
) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
    """Stands in for `keras.layers.LSTM.inner_loop`, from a state of zeros.

    TFLite's operation keeps its state from one call to the next, so that the models of
    Model Maker answer a query by those before it too. Here every sequence begins with
    an event of its own that closes the input and forget gates: the state after it is 0.

    Returns:
      The last output `[batch, units]`, twice; no states, which the operation does not
      give.
    """
    if mask is not None or layer.go_backwards or layer.return_sequences:
        raise NotImplementedError(
            f"`{layer.name}` reads a mask, goes backwards or returns sequences, which "
            "cannot be exported."
        )
    cell = layer.cell
    kernel = tf.convert_to_tensor(cell.kernel)
    length, dim = sequences.shape[1:]
    # A value that is 0 but in the first event, and its row of the kernel. The row is no
    # larger than the rest, which share a scale with it when they are quantized.
    largest = tf.maximum(tf.reduce_max(tf.abs(kernel)), 1e-3)
    to_gates = np.array([[-1.0, -1.0, 0.0, 0.0]], np.float32).repeat(layer.units, 1)
    kernel = tf.concat([kernel, largest * to_gates], 0)
    first = np.zeros((1, length + 1, dim + 1), np.float32)
    first[0, 0, dim] = _CLOSED
    sequences = tf.pad(sequences, [[0, 0], [1, 0], [0, 1]]) + first / largest
    state = tf.tile(tf.zeros_like(sequences[:, 0, :1]), [1, layer.units])
    output, *_ = _standard_lstm(
        sequences,
        state,
        state,
        kernel,
        tf.convert_to_tensor(cell.recurrent_kernel),
        tf.convert_to_tensor(cell.bias),
    )
    return output, output, []


def _loop(
    sequences: tf.Tensor,
    hidden: tf.Tensor,
    carried: tf.Tensor,
    kernel: tf.Tensor,
    recurrent: tf.Tensor,
    bias: tf.Tensor,
) -> tuple[tf.Tensor, ...]:
    """What the operation does, for those who run the SavedModel."""
    length = sequences.shape[1]

    def step(place: tf.Tensor, hidden: tf.Tensor, carried: tf.Tensor) -> Any:
        gates = tf.matmul(tf.gather(sequences, place, axis=1), kernel)
        gates += tf.matmul(hidden, recurrent) + bias
        input_, forget, candidate, output = tf.split(gates, 4, axis=1)
        carried = tf.sigmoid(forget) * carried
        carried += tf.sigmoid(input_) * tf.tanh(candidate)
        return place + 1, tf.sigmoid(output) * tf.tanh(carried), carried

    _, hidden, carried = tf.while_loop(
        lambda place, *_: place < length, step, (0, hidden, carried)
    )
    outputs = tf.tile(hidden[:, tf.newaxis], [1, length, 1])
    return hidden, outputs, hidden, carried, tf.constant(1.0)


_standard_lstm = tf.function(
    _loop, autograph=False, experimental_attributes=_ATTRIBUTES
)
