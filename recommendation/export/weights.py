"""Reads the weights that `export.save` wrote."""

from __future__ import annotations

import os

import numpy as np
import tensorflow as tf


def load_weights(saved_model_dir: str) -> list[np.ndarray]:
    """The weights in the order of the model's `weights`."""
    reader = tf.train.load_checkpoint(
        os.path.join(
            saved_model_dir,
            tf.saved_model.VARIABLES_DIRECTORY,
            tf.saved_model.VARIABLES_FILENAME,
        )
    )
    # `save` keeps them in a list under this name.
    names = {
        name
        for name in reader.get_variable_to_shape_map()
        if name.startswith("weights/")
    }
    return [
        reader.get_tensor(f"weights/{number}/.ATTRIBUTES/VARIABLE_VALUE")
        for number in range(len(names))
    ]
