"""The forms of a model that are pushed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from ondevice_rec.recommendation.config import QuantizationConfig
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.export.assets import ModelAssets
from ondevice_rec.recommendation.export.tflite_operators import not_built_in
from ondevice_rec.recommendation.feed import windows
from ondevice_rec.recommendation.ondevice import version_folder
from ondevice_rec.recommendation.spec import InputSpec
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.pipeline_config_pb2 import Serving, Variant

logger = logging.getLogger("ondevice_rec.pusher.variants")

# Decides which windows of the train split activations are calibrated on.
_CALIBRATION_SEED = 1
# A transformer over 3.7 k films, MovieLens-1M: 500 lose 1.3 % of NDCG@10, 2,000 lose
# 0.1 %, each give or take 0.6 %.
_CALIBRATION_WINDOWS = 2000


@dataclass(frozen=True)
class Exported:
    """A variant that was exported, or cannot be.

    Attributes:
      variant: What is asked of it.
      file: Its name in the version folder.
      content: The `.tflite` file; empty where the model cannot be exported so.
      refusal: Why it cannot be pushed; empty where it may.
    """

    variant: Variant
    file: str
    content: bytes
    refusal: str = ""

    @property
    def precision(self) -> str:
        """Its name in the configuration."""
        return str(Variant.Precision.Name(self.variant.precision))


def wanted(serving: Serving) -> list[Variant]:
    """The variants to push, the one that apps load first."""
    return list(serving.variants) or [Variant(precision=Variant.FLOAT32)]


def file_name(place: int, variant: Variant) -> str:
    """Name in the version folder; apps load the first one's."""
    if not place:
        return version_folder.MODEL
    return f"model_{Variant.Precision.Name(variant.precision).lower()}.tflite"


def export_variant(
    place: int,
    variant: Variant,
    saved_model_dir: str,
    assets: ModelAssets,
    train_files: Sequence[str],
    version: str = "",
) -> Exported:
    """Exports one variant.

    Args:
      place: Its place in the list.
      variant: What is asked of it.
      saved_model_dir: The model.
      assets: What travels with it.
      train_files: Transformed timelines to calibrate activations on.
      version: The model's version, for the file's metadata.

    Returns:
      The variant; refused where the model's operations do not allow it, or plain
      TFLite does not have them.
    """
    name = file_name(place, variant)
    quantization = _quantization(variant, assets.input_spec, train_files)
    try:
        content = export.convert_to_tflite(
            saved_model_dir, quantization, assets, version
        )
    except UserError as error:
        if quantization is None:
            raise
        return Exported(variant, name, b"", str(error))
    foreign = not_built_in(content)
    refusal = (
        f"it needs operations that TFLite does not have by itself: {', '.join(foreign)}"
        if foreign
        else ""
    )
    return Exported(variant, name, content, refusal)


def _quantization(
    variant: Variant, input_spec: InputSpec, train_files: Sequence[str]
) -> QuantizationConfig | None:
    if variant.precision == Variant.FLOAT16:
        return QuantizationConfig.for_float16()
    if variant.precision == Variant.INT8_WEIGHTS:
        return QuantizationConfig.for_dynamic()
    if variant.precision == Variant.INT8:
        # The signature stays what it is: apps exchange the file alone.
        return QuantizationConfig.for_int8(
            TrainingWindows(train_files, input_spec),
            _CALIBRATION_WINDOWS,
            inference_input_type="float32",
            inference_output_type="float32",
        )
    return None


class TrainingWindows:
    """Windows of the train split to calibrate activations on.

    Args:
      files: Transformed timelines.
      input_spec: What the model reads.
    """

    def __init__(self, files: Sequence[str], input_spec: InputSpec) -> None:
        self._files = files
        self._input_spec = input_spec

    def gen_dataset(
        self, batch_size: int = 1, is_training: bool = False
    ) -> tf.data.Dataset:
        """Shuffled windows `(features, label)`, the same each time."""
        return windows.training_windows(
            self._files, self._input_spec, batch_size, seed=_CALIBRATION_SEED
        )
