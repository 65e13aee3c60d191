"""A model's layers in the form that runs best on the device."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from ondevice_rec.recommendation.export.plain_loop import plain_loop


@contextlib.contextmanager
def tflite_layers(model: keras.Model) -> Iterator[None]:
    """Within it, the model is traced for TFLite: the same values, fewer operations."""
    with contextlib.ExitStack() as stack:
        for layer in model._flatten_layers(include_self=False):
            if isinstance(layer, keras.layers.Embedding):
                stack.enter_context(_replaced(layer, "call", _lookup))
            elif isinstance(layer, keras.layers.RNN):
                stack.enter_context(_replaced(layer, "inner_loop", plain_loop))
        yield


@contextlib.contextmanager
def _replaced(
    layer: keras.Layer, name: str, function: Callable[..., Any]
) -> Iterator[None]:
    kept = getattr(layer, name)
    setattr(layer, name, functools.partial(function, layer))
    try:
        yield
    finally:
        setattr(layer, name, kept)


def _lookup(layer: keras.layers.Embedding, ids: tf.Tensor) -> tf.Tensor:
    """Keras's, without its three operations that let ids count from the end."""
    return tf.gather(tf.convert_to_tensor(layer.embeddings), ids)
