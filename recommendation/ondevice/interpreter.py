"""Runs a TFLite model with Model Maker's signature."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from ondevice_rec.recommendation.export.signatures import (
    IDS,
    SCORES,
    SERVING,
    SERVING_BATCH,
)
from ondevice_rec.schemas.errors import UserError


class Interpreter:
    """One loaded model.

    Attributes:
      inputs: Shape and dtype of each input, by name.
      num_predictions: Number of items that one call recommends.
    """

    def __init__(self, model: bytes, num_threads: int = 1) -> None:
        """Loads a model.

        Args:
          model: Content of a `.tflite` file.
          num_threads: Threads that one call may use.

        Raises:
          UserError: it is no TFLite model, or has another signature.
        """
        runtime = _runtime()
        try:
            interpreter = runtime.Interpreter(
                model_content=model, num_threads=num_threads
            )
        except (ValueError, RuntimeError) as error:
            raise UserError(
                f"The {len(model):,} bytes are no TFLite model: {error} Export or "
                "fetch it again."
            ) from error
        signatures = interpreter.get_signature_list()
        if SERVING not in signatures:
            raise UserError(
                f"The TFLite model must have the signature {SERVING!r}, received "
                f"{sorted(signatures)}. Export it again."
            )
        # Signature runners point into their interpreter.
        self._interpreter = interpreter
        self._run = interpreter.get_signature_runner(SERVING)
        details = self._run.get_input_details()
        self.inputs: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
            name: (tuple(int(n) for n in detail["shape"]), np.dtype(detail["dtype"]))
            for name, detail in details.items()
        }
        self._input_steps = _quantized(details)
        outputs = self._run.get_output_details()
        self._output_steps = _quantized(outputs)
        self.num_predictions = int(outputs[IDS]["shape"][-1])
        self._run_batch = (
            interpreter.get_signature_runner(SERVING_BATCH)
            if SERVING_BATCH in signatures
            else None
        )

    def __call__(
        self, features: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Recommends items.

        Args:
          features: Each input with the shape that `inputs` gives, int32 ids or float32
            numbers; for a quantized input they are converted.

        Returns:
          Ids int32 `[num_predictions]` and scores float32 `[num_predictions]`, best
          first.

        Raises:
          ValueError: an input has another shape or dtype.
        """
        given = dict(features)
        for name, (shape, _) in self.inputs.items():
            # The runtime would resize the input without a word.
            if given[name].shape != shape:
                raise UserError(
                    f"`{name}` must have the shape {shape}, received "
                    f"{given[name].shape}."
                )
        for name, (scale, zero) in self._input_steps.items():
            dtype = self.inputs[name][1]
            limits = np.iinfo(dtype)
            steps = np.rint(given[name] / scale) + zero
            given[name] = np.clip(steps, limits.min, limits.max).astype(dtype)
        outputs = self._run(**given)
        scores = outputs[SCORES]
        if SCORES in self._output_steps:
            scale, zero = self._output_steps[SCORES]
            scores = (scores.astype(np.float32) - zero) * np.float32(scale)
        return outputs[IDS], scores

    def batch(
        self, features: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Recommends items for several at once, by the batch signature if there is one.

        Args:
          features: As a call's, with a leading axis.

        Returns:
          Ids int32 and scores float32, `[batch, num_predictions]`, best first.
        """
        count = len(next(iter(features.values())))
        if self._run_batch is not None and count > 1:
            outputs = self._run_batch(**features)
            return outputs[IDS], outputs[SCORES]
        rows = [
            self({name: v[i] for name, v in features.items()}) for i in range(count)
        ]
        ids, scores = zip(*rows, strict=True)
        return np.stack(ids), np.stack(scores)


def _quantized(details: Mapping[str, Any]) -> dict[str, tuple[float, int]]:
    """Scale and zero point of each tensor that is quantized, by name."""
    steps = {name: detail["quantization"] for name, detail in details.items()}
    return {name: (scale, zero) for name, (scale, zero) in steps.items() if scale}


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
