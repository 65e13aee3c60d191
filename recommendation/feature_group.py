"""One feature group: embedded, masked, encoded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from ondevice_rec.recommendation.encoders import ENCODERS
from ondevice_rec.recommendation.spec import Feature, FeatureGroup, ModelHParams
from ondevice_rec.schemas.input_spec_check import is_embedded

Tensor = Any


def embedding(feature: Feature) -> keras.layers.Embedding:
    """Embedding table, truncated normal with deviation 1 / sqrt(dim)."""
    return keras.layers.Embedding(
        feature.vocab_size,
        feature.embedding_dim,
        embeddings_initializer=keras.initializers.TruncatedNormal(
            mean=0.0, stddev=1.0 / math.sqrt(feature.embedding_dim)
        ),
        name=f"{feature.feature_name}_embedding",
    )


class FeatureGroupEncoder(keras.layers.Layer):
    """Encodes the features of one group, as Model Maker's layer of the same name.

    Embeddings are concatenated in the order of their features' names, FLOAT features
    follow in the order of the spec. A position with id 0 in any embedded feature of
    the group is masked in all of them.

    Args:
      group: The features and their encoder.
      hparams: The encoder's size.
      label_embedding_dim: What the convolutions' filters are counted in.
      shared: Tables that features have in common with others, by feature name.
    """

    def __init__(
        self,
        group: FeatureGroup,
        hparams: ModelHParams,
        label_embedding_dim: int,
        shared: Mapping[str, keras.layers.Embedding],
    ) -> None:
        super().__init__()
        embedded = [feature for feature in group.features if is_embedded(feature)]
        self.ids = sorted(feature.feature_name for feature in embedded)
        self.numbers = [
            feature.feature_name
            for feature in group.features
            if not is_embedded(feature)
        ]
        self.embeddings = {
            feature.feature_name: shared.get(feature.feature_name) or embedding(feature)
            for feature in embedded
        }
        self.encoder = ENCODERS[group.encoder_type].create(
            group, hparams, label_embedding_dim
        )

    def call(self, features: Mapping[str, Tensor]) -> Tensor:
        """Encodes a batch.

        Args:
          features: `[batch, feature_length]` per feature name, int32 ids or float32.

        Returns:
          `[batch, units]` float32.
        """
        return self.encoder(*self._values(features))

    def states(self, features: Mapping[str, Tensor]) -> Tensor:
        """Encodes up to every position, with a `CausalEncoder`.

        Args:
          features: `[batch, length]` per feature name.

        Returns:
          `[batch, length, units]` float32.
        """
        return self.encoder.states(*self._values(features))

    def _values(self, features: Mapping[str, Tensor]) -> tuple[Tensor, Tensor | None]:
        """The embedded values and where they are present, as an encoder takes them."""
        parts = [self.embeddings[name](features[name]) for name in self.ids]
        parts += [ops.expand_dims(features[name], -1) for name in self.numbers]
        values = ops.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]
        if not self.ids:
            return values, None
        present = ops.not_equal(features[self.ids[0]], 0)
        for name in self.ids[1:]:
            present = ops.logical_and(present, ops.not_equal(features[name], 0))
        present = ops.cast(present, values.dtype)
        return values * ops.expand_dims(present, -1), present
