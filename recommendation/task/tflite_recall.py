"""Recall of an exported model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ondevice_rec.recommendation.data.example_loader import ExampleLoader
from ondevice_rec.recommendation.ondevice.interpreter import Interpreter
from ondevice_rec.recommendation.spec import InputSpec
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.input_spec_check import context_features

_BATCH = 512


def measure(
    path: str, data: ExampleLoader, input_spec: InputSpec, top_k: Sequence[int]
) -> dict[str, float]:
    """Share of the examples whose label is among the first k recommended items.

    Args:
      path: A `.tflite` file.
      data: Examples of the same features.
      input_spec: What the model reads.
      top_k: The k's.

    Returns:
      By `Global_Recall/Recall_K`.

    Raises:
      UserError: the file is no such model, or has other inputs.
    """
    names = [feature.feature_name for feature in context_features(input_spec)]
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            interpreter = Interpreter(file.read())
    except (tf.errors.OpError, ValueError) as error:
        raise UserError(f"{path} cannot be run: {error}") from error
    if sorted(interpreter.inputs) != sorted(names):
        raise UserError(
            f"{path} has the inputs {', '.join(sorted(interpreter.inputs))}, but "
            f"`input_spec` has {', '.join(sorted(names))}. Export the model again."
        )
    hits = dict.fromkeys(top_k, 0)
    examples = 0
    for features, labels in data.batches(_BATCH):
        columns = {name: np.asarray(features[name]) for name in names}
        for row, label in enumerate(np.asarray(labels).reshape(-1).tolist()):
            ids, _ = interpreter({name: columns[name][row] for name in names})
            places = np.flatnonzero(ids == label)
            examples += 1
            for k in top_k:
                hits[k] += int(len(places) > 0 and places[0] < k)
    return {f"Global_Recall/Recall_{k}": hits[k] / examples for k in top_k}
