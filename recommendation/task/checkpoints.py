"""Weights on disk, one file per epoch: `ckpt-STEP.weights.h5`, Keras's own format."""

from __future__ import annotations

import os
import re
from typing import Any

import keras

from ondevice_rec.recommendation.model import RecommendationModel

_FILE = re.compile(r"ckpt-(\d+)\.weights\.h5")


class Checkpoints(keras.callbacks.Callback):
    """Saves the weights after every epoch, named by the step.

    Args:
      model: Whose weights; read them with its `load_weights`.
      folder: Where to.
    """

    def __init__(self, model: RecommendationModel, folder: str) -> None:
        super().__init__()
        self._weights_of = model
        self._folder = folder

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        step = int(self.model.optimizer.iterations)
        self._weights_of.save_weights(
            os.path.join(self._folder, f"ckpt-{step}.weights.h5")
        )


def latest(folder: str) -> str | None:
    """The file written last; None where there is none."""
    found = []
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        match = _FILE.fullmatch(name)
        if match:
            path = os.path.join(folder, name)
            found.append((os.stat(path).st_mtime_ns, int(match.group(1)), path))
    return max(found)[-1] if found else None
