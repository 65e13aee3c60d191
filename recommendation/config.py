"""How a model is exported: Model Maker's `config` module, with its names and defaults.

After `tensorflow_examples/lite/model_maker/core/export_format.py` and
`core/task/configs.py`. TensorFlow is loaded only when a model is converted: types and
sets of operations may be given by TensorFlow's objects or by their names.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from ondevice_rec.recommendation.export.signatures import SERVING
from ondevice_rec.schemas.errors import UserError

DEFAULT_QUANTIZATION_STEPS = 500

_IO_TYPES = ("float32", "uint8", "int8")


@enum.unique
class ExportFormat(enum.Enum):
    """What `export` can write."""

    TFLITE = "TFLITE"
    SAVED_MODEL = "SAVED_MODEL"
    LABEL = "LABEL"
    VOCAB = "VOCAB"
    TFJS = "TFJS"


class RepresentativeData(Protocol):
    """What calibration needs of a `DataLoader`."""

    def gen_dataset(self, batch_size: int = 1, is_training: bool = False) -> Any:
        """A `tf.data.Dataset` of `(features, label)`, see `DataLoader`."""


@dataclasses.dataclass
class QuantizationConfig:
    """How a model is quantized after training.

    See https://ai.google.dev/edge/litert/models/post_training_quantization.

    Attributes:
      optimizations: `tf.lite.Optimize`, one or a list; left out: `DEFAULT`.
      representative_data: Data to calibrate activations with; without it only weights
        are quantized.
      quantization_steps: Number of windows to calibrate with; left out: 500.
      inference_input_type: Type of inputs that are numbers: `tf.float32`, `tf.uint8` or
        `tf.int8`; ids are int32 always.
      inference_output_type: The same of the scores.
      supported_ops: `tf.lite.OpsSet`, one or a list, that the device has.
      supported_types: Types for constants, one or a list, e.g. `tf.float16`.
      experimental_new_quantizer: Whether the converter's new quantizer is used; left
        out: as the converter has it.

    Raises:
      UserError: a value is not one of those.
    """

    optimizations: Any = None
    representative_data: RepresentativeData | None = None
    quantization_steps: int | None = None
    inference_input_type: Any = None
    inference_output_type: Any = None
    supported_ops: Any = None
    supported_types: Any = None
    experimental_new_quantizer: bool | None = None

    def __post_init__(self) -> None:
        self.optimizations = _as_list(self.optimizations) or ["DEFAULT"]
        self.supported_ops = _as_list(self.supported_ops)
        self.supported_types = _as_list(self.supported_types)
        for field in ("inference_input_type", "inference_output_type"):
            value = getattr(self, field)
            if value is not None and _name(value) not in _IO_TYPES:
                raise UserError(
                    f"`{field}` must be one of {', '.join(_IO_TYPES)}, received "
                    f"{value!r}."
                )
        if self.representative_data is not None and self.quantization_steps is None:
            self.quantization_steps = DEFAULT_QUANTIZATION_STEPS
        if self.quantization_steps is not None and self.quantization_steps < 1:
            raise UserError(
                "`quantization_steps` must be >= 1, received "
                f"{self.quantization_steps}."
            )

    @classmethod
    def for_dynamic(cls) -> QuantizationConfig:
        """Weights in 8 bits, activations in float32: a file a fourth as large."""
        return cls()

    @classmethod
    def for_int8(
        cls,
        representative_data: RepresentativeData,
        quantization_steps: int = DEFAULT_QUANTIZATION_STEPS,
        inference_input_type: Any = "uint8",
        inference_output_type: Any = "uint8",
        supported_ops: Any = "TFLITE_BUILTINS_INT8",
    ) -> QuantizationConfig:
        """Weights and activations in 8 bits, for devices without float arithmetic.

        Scores then have 256 steps: items closer than that are tied. How well the
        items agree with the model's depends on it much; measure before use. Encoders
        with a loop (LSTM, GRU) cannot be calibrated.

        Args:
          representative_data: Data to calibrate activations with.
          quantization_steps: Number of windows to calibrate with.
          inference_input_type: Type of inputs that are numbers.
          inference_output_type: Type of the scores.
          supported_ops: `tf.lite.OpsSet`, one or a list, that the device has.
        """
        return cls(
            representative_data=representative_data,
            quantization_steps=quantization_steps,
            inference_input_type=inference_input_type,
            inference_output_type=inference_output_type,
            supported_ops=supported_ops,
        )

    @classmethod
    def for_float16(cls) -> QuantizationConfig:
        """Weights in 16 bits: a file half as large."""
        return cls(supported_types=["float16"])

    def get_converter_with_quantization(self, converter: Any) -> Any:
        """Sets a converter up.

        Args:
          converter: A `tf.lite.TFLiteConverter` of a SavedModel that `export.save`
            wrote; where there is `representative_data`, for the signature `SERVING`.

        Returns:
          The converter.

        Raises:
          UserError: an optimization, an operation set or a type is unknown.
        """
        import tensorflow as tf

        converter.optimizations = _members(
            "optimizations", tf.lite.Optimize, self.optimizations
        )
        if self.representative_data is not None:
            converter.representative_dataset = self._samples
        if self.inference_input_type is not None:
            converter.inference_input_type = tf.as_dtype(self.inference_input_type)
        if self.inference_output_type is not None:
            converter.inference_output_type = tf.as_dtype(self.inference_output_type)
        if self.supported_ops:
            converter.target_spec.supported_ops = _members(
                "supported_ops", tf.lite.OpsSet, self.supported_ops
            )
        if self.supported_types:
            try:
                types = [tf.as_dtype(value) for value in self.supported_types]
            except TypeError as error:
                raise UserError(
                    f"`supported_types` must be types, received {self.supported_types}."
                ) from error
            converter.target_spec.supported_types = types
        if self.experimental_new_quantizer is not None:
            converter.experimental_new_quantizer = self.experimental_new_quantizer
        return converter

    def _samples(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Inputs to calibrate with."""
        assert self.representative_data is not None
        windows = self.representative_data.gen_dataset(batch_size=1, is_training=False)
        count = 0
        for features, _ in windows.take(self.quantization_steps):
            yield (
                SERVING,
                {name: values.numpy()[0] for name, values in features.items()},
            )
            count += 1
        if not count:
            raise UserError(
                "`representative_data` must hold a window to calibrate with, received "
                "none. Pass data the model was trained or is evaluated on."
            )


def _as_list(value: Any) -> list[Any] | None:
    if value is None:
        return None
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str):
        return list(value)
    return [value]


def _name(value: Any) -> str:
    """Name of a type: "int8" for `tf.int8`, `np.int8` and "int8"."""
    return str(getattr(value, "name", None) or getattr(value, "__name__", value))


def _members(field: str, kind: Any, values: Sequence[Any]) -> list[Any]:
    """Members of one of TensorFlow's enumerations, from themselves or their names."""
    found = []
    for value in values:
        try:
            found.append(kind(value))
        except ValueError as error:
            raise UserError(
                f"`{field}` must be of {', '.join(each.name for each in kind)}, "
                f"received {value!r}."
            ) from error
    return found
