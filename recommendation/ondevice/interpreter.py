"""Runs a TFLite model with Model Maker's signature."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from typing import Any

import numpy as np

SIGNATURE = "serving_default"
IDS = "top_prediction_ids"
SCORES = "top_prediction_scores"


class Interpreter:
    """One loaded model.

    Attributes:
      inputs: Shape and dtype of each input, by name.
    """

    def __init__(self, model: bytes, num_threads: int = 1) -> None:
        """Loads a model.

        Args:
          model: Content of a `.tflite` file.
          num_threads: Threads that one call may use.

        Raises:
          ValueError: it is no TFLite model, or has another signature.
        """
        interpreter = _runtime().Interpreter(
            model_content=model, num_threads=num_threads
        )
        signatures = interpreter.get_signature_list()
        if SIGNATURE not in signatures:
            raise ValueError(
                f"The TFLite model must have the signature {SIGNATURE!r}, received "
                f"{sorted(signatures)}. Export it again."
            )
        # Signature runners point into their interpreter.
        self._interpreter = interpreter
        self._run = interpreter.get_signature_runner(SIGNATURE)
        self.inputs: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
            name: (tuple(int(n) for n in detail["shape"]), np.dtype(detail["dtype"]))
            for name, detail in self._run.get_input_details().items()
        }

    def __call__(
        self, features: dict[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Recommends items.

        Args:
          features: Each input, with the shape and dtype that `inputs` gives.

        Returns:
          Ids int32 `[num_predictions]` and scores float32 `[num_predictions]`, best
          first.
        """
        outputs = self._run(**features)
        return outputs[IDS], outputs[SCORES]


def _runtime() -> ModuleType:
    """The module with `Interpreter`: LiteRT, or TensorFlow where it is missing."""
    if importlib.util.find_spec("ai_edge_litert") is not None:
        return importlib.import_module("ai_edge_litert.interpreter")
    if importlib.util.find_spec("tensorflow") is not None:
        return importlib.import_module("tensorflow").lite
    raise ModuleNotFoundError(
        "Running a TFLite model takes LiteRT or TensorFlow; neither is installed. "
        "Install one: pip install ai-edge-litert"
    )
