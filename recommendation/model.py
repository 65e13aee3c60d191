"""The dual encoder: a context vector against the table of the items' vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from ondevice_rec.recommendation import spec
from ondevice_rec.recommendation.feature_group import FeatureGroupEncoder, embedding
from ondevice_rec.schemas.input_spec_check import context_features, groups, is_embedded

Tensor = Any


class RecommendationModel(keras.Model):
    """Model Maker's recommendation model on Keras 3.

    Every feature group is encoded, the encodings are concatenated, go through the
    relu layers and the projection, and are compared by dot product with each item's
    embedding.

    Args:
      input_spec: What the model reads and predicts, `vocab_size`s included.
      hparams: Its size.

    Raises:
      UserError: they do not make a model; the message says what to change.
    """

    def __init__(self, input_spec: spec.InputSpec, hparams: spec.ModelHParams) -> None:
        spec.validate(input_spec, hparams)
        super().__init__(name="recommendation")
        label = input_spec.label_feature
        self.feature_spec = input_spec
        self.hparams = hparams
        self.group_encoders = [
            FeatureGroupEncoder(group, hparams, label.embedding_dim)
            for group in groups(input_spec)
        ]
        self.hidden_layers = [
            keras.layers.Dense(units, activation="relu", name=f"hidden_layer{i}")
            for i, units in enumerate(hparams.hidden_layer_dims)
        ]
        self.projection = keras.layers.Dense(
            label.embedding_dim,
            activation=hparams.projection_activation,
            name="proj_layer",
        )
        self.dropout = keras.layers.Dropout(hparams.dropout)
        self.label_embedding = embedding(label)
        self.label_embedding.build()
        # Creates the weights, which depend on nothing but the spec.
        self(
            {
                feature.feature_name: keras.KerasTensor(
                    (None, feature.feature_length),
                    dtype="int32" if is_embedded(feature) else "float32",
                )
                for feature in context_features(input_spec)
            }
        )

    def encode(
        self, features: Mapping[str, Tensor], training: bool | None = None
    ) -> Tensor:
        """The context vectors, `[batch, label embedding_dim]` float32."""
        vectors = [encoder(features) for encoder in self.group_encoders]
        vector = ops.concatenate(vectors, axis=-1) if len(vectors) > 1 else vectors[0]
        for layer in (*self.hidden_layers, self.projection):
            vector = layer(self.dropout(vector, training=training))
        return vector

    def call(
        self, features: Mapping[str, Tensor], training: bool | None = None
    ) -> Tensor:
        """Scores every id of the vocabulary, id 0 included.

        Args:
          features: `[batch, feature_length]` per feature name, int32 ids or float32.
          training: Whether to drop units.

        Returns:
          `[batch, vocab_size]` float32 dot products.
        """
        table = ops.convert_to_tensor(self.label_embedding.embeddings)
        return ops.matmul(self.encode(features, training), ops.transpose(table))

    def recommend(self, features: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The best items; id 0 is no item.

        Returns:
          Ids, int32 `[batch, num_predictions]`, best first, and their scores after a
          sigmoid, float32.
        """
        items = ops.convert_to_tensor(self.label_embedding.embeddings)[1:]
        scores = ops.matmul(self.encode(features), ops.transpose(items))
        top, ids = ops.top_k(scores, self.hparams.num_predictions, sorted=True)
        return ops.cast(ids, "int32") + 1, ops.sigmoid(top)

    def rank(self, features: Mapping[str, Tensor], label: Tensor) -> Tensor:
        """Rank of the true item among all items.

        Args:
          features: As `call`'s.
          label: int32 `[batch]`.

        Returns:
          int32 `[batch]`: number of items scored at least as high, itself included,
          so that ties count against the model; vocab_size, a miss, for label 0, which
          is no item, and where a score is not a number.
        """
        scores = self(features, training=False)
        own = ops.take_along_axis(scores, ops.expand_dims(label, -1), axis=1)
        worse = ops.cast(ops.less(scores[:, 1:], own), "int32")
        vocab_size = scores.shape[1]
        rank = vocab_size - 1 - ops.sum(worse, axis=1)
        missed = ops.logical_or(ops.equal(label, 0), ops.isnan(ops.sum(scores, axis=1)))
        return ops.where(missed, vocab_size, rank)
