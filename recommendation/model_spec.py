"""Model Maker's `ModelSpec`, and its `model_spec` module."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import EncoderType, InputSpec, ModelHParams
from ondevice_rec.schemas.errors import UserError

logger = logging.getLogger("ondevice_rec.model")


class ModelSpec:
    """What a model reads, and its size.

    Attributes:
      input_spec: What it reads and predicts, every `vocab_size` included.
      model_hparams: Its size, as given.
    """

    def __init__(self, input_spec: InputSpec, model_hparams: ModelHParams) -> None:
        """Takes the two as they are; `create_model` checks them.

        Raises:
          UserError: one of them is of another type.
        """
        for name, value, expected in (
            ("input_spec", input_spec, InputSpec),
            ("model_hparams", model_hparams, ModelHParams),
        ):
            if not isinstance(value, expected):
                raise UserError(
                    f"`{name}` must be a `recommendation.spec.{expected.__name__}`, "
                    f"received a {type(value).__name__}."
                )
        self.input_spec = input_spec
        self.model_hparams = model_hparams

    def create_model(self) -> RecommendationModel:
        """The Keras model, with new weights.

        Raises:
          UserError: the two do not make a model; the message says what to change.
        """
        return RecommendationModel(
            self.input_spec, _kernel_cut(self.input_spec, self.model_hparams)
        )

    def get_default_quantization_config(self) -> None:
        """None: a model is exported in float32 unless something else is asked for."""


RECOMMENDATION_MODELS = ["recommendation"]
MODEL_SPECS = {"recommendation": ModelSpec}


def get(spec_or_str: Any, *args: Any, **kwargs: Any) -> Any:
    """A model spec.

    Args:
      spec_or_str: "recommendation", a class or function that makes a spec, or a spec,
        which is returned.
      *args: For the class or function.
      **kwargs: For the class or function: `input_spec` and `model_hparams`.

    Raises:
      UserError: there is no spec of that name.
    """
    if isinstance(spec_or_str, str):
        if spec_or_str not in MODEL_SPECS:
            raise UserError(
                f"`model_spec` must be one of {', '.join(MODEL_SPECS)}, received "
                f"{spec_or_str!r}."
            )
        spec_or_str = MODEL_SPECS[spec_or_str]
    return spec_or_str(*args, **kwargs) if callable(spec_or_str) else spec_or_str


def _kernel_cut(input_spec: InputSpec, hparams: ModelHParams) -> ModelHParams:
    """The size with a convolution kernel that is not longer than the sequences.

    Model Maker's own example has a kernel of 16 for 10 values. What lies beyond them
    only ever meets the padding, so the model is the same without it. From twice the
    values on, most of the kernel would: that is refused with the model.
    """
    lengths = [
        feature.feature_length
        for group in input_spec.activity_feature_groups
        if group.encoder_type == EncoderType.Value("CNN")
        for feature in group.features
    ]
    kernel = hparams.conv_kernel_size
    if not lengths or not max(lengths) < kernel < 2 * max(lengths):
        return hparams
    logger.warning(
        "`conv_kernel_size` is %d, the sequences have %d values: the kernel is cut to "
        "%d, as the rest of it would only meet padding",
        kernel,
        max(lengths),
        max(lengths),
    )
    return dataclasses.replace(hparams, conv_kernel_size=max(lengths))
