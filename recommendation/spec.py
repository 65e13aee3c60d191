"""What the model reads and how large it is: TFLite Model Maker's spec messages."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ondevice_rec.schemas import input_spec_check, pipeline_config_pb2
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.input_spec_check import source_column
from ondevice_rec.schemas.input_spec_pb2 import (
    EncoderType,
    Feature,
    FeatureGroup,
    FeatureType,
    InputSpec,
)

__all__ = [
    "EncoderType",
    "Feature",
    "FeatureGroup",
    "FeatureType",
    "InputSpec",
    "ModelHParams",
    "hparams_from_proto",
    "source_column",
    "validate",
]


@dataclasses.dataclass
class ModelHParams:
    """The model's size; fields up to `num_predictions` are Model Maker's.

    Attributes:
      hidden_layer_dims: Units of the relu layers between the encoders and the
        projection.
      eval_top_k: The k's of the recall metrics.
      conv_num_filter_ratios: One convolution each, one after the other, with this
        many times the label's embedding dimension as filters.
      conv_kernel_size: Kernel and stride of the convolutions.
      lstm_num_units: Units of the LSTM.
      num_predictions: Number of items the exported model recommends.
      dropout: Share of the units dropped before each dense layer while training.
      projection_activation: Activation of the projection, "relu" as in Model Maker or
        "linear"; "none" leaves the projection out, and what is before it must have the
        label's embedding dimension.
      gru_num_units: Units of the GRU.
      transformer_num_blocks: Blocks of attention and feed-forward layers.
      transformer_num_heads: Heads of the attention; must divide the dimension of the
        group's features together.
      transformer_feed_forward_ratio: Width of the feed-forward layers over that
        dimension.
      state_space_num_blocks: Blocks of state and feed-forward layers.
      state_space_num_heads: States of a block; must divide the dimension of the
        group's features together.
      state_space_conv_kernel_size: Events that are mixed before they reach the state.
      state_space_feed_forward_ratio: Width of the feed-forward layers over that
        dimension.
      tie_embeddings: Whether context features of the label's column share the label's
        embedding table; it is stored once.
      exclude_seen: Whether the model recommends no item of its context. With a
        vocabulary so small that fewer than `num_predictions` are left, those come
        last with score 0.
    """

    hidden_layer_dims: Sequence[int]
    eval_top_k: Sequence[int]
    conv_num_filter_ratios: Sequence[int]
    conv_kernel_size: int
    lstm_num_units: int
    num_predictions: int = 10
    dropout: float = 0.0
    projection_activation: str = "relu"
    gru_num_units: int = 64
    transformer_num_blocks: int = 2
    transformer_num_heads: int = 2
    transformer_feed_forward_ratio: int = 4
    state_space_num_blocks: int = 2
    state_space_num_heads: int = 2
    state_space_conv_kernel_size: int = 4
    state_space_feed_forward_ratio: int = 4
    tie_embeddings: bool = False
    exclude_seen: bool = False


def hparams_from_proto(
    hparams: pipeline_config_pb2.HParams, dropout: float = 0.0
) -> ModelHParams:
    """The hyper-parameters of a pipeline's configuration."""
    return ModelHParams(
        hidden_layer_dims=list(hparams.hidden_layer_dims),
        eval_top_k=[10],
        conv_num_filter_ratios=list(hparams.conv_num_filter_ratios),
        conv_kernel_size=hparams.conv_kernel_size,
        lstm_num_units=hparams.lstm_num_units,
        num_predictions=hparams.num_predictions,
        dropout=dropout,
        projection_activation=pipeline_config_pb2.Activation.Name(
            hparams.projection_activation
        ).lower(),
        gru_num_units=hparams.gru_num_units,
        transformer_num_blocks=hparams.transformer_num_blocks,
        transformer_num_heads=hparams.transformer_num_heads,
        transformer_feed_forward_ratio=hparams.transformer_feed_forward_ratio,
        state_space_num_blocks=hparams.state_space_num_blocks,
        state_space_num_heads=hparams.state_space_num_heads,
        state_space_conv_kernel_size=hparams.state_space_conv_kernel_size,
        state_space_feed_forward_ratio=hparams.state_space_feed_forward_ratio,
        tie_embeddings=hparams.tie_embeddings,
        exclude_seen=hparams.exclude_seen,
    )


def validate(input_spec: InputSpec, hparams: ModelHParams) -> None:
    """Checks that `RecommendationModel(input_spec, hparams)` can be built.

    Raises:
      UserError: see `input_spec_check.validate`; here every `vocab_size` must be set.
    """
    input_spec_check.validate(input_spec, hparams, vocabularies_known=True)
    if not 0 <= hparams.dropout < 1:
        raise UserError(f"`dropout` must be >= 0 and < 1, received {hparams.dropout}.")
    if hparams.projection_activation not in ("relu", "linear", "none"):
        raise UserError(
            "`projection_activation` must be `relu`, `linear` or `none`, received "
            f"{hparams.projection_activation!r}."
        )
