"""The dual encoder: a context vector against the table of the items' vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from ondevice_rec.recommendation import spec
from ondevice_rec.recommendation.feature_group import FeatureGroupEncoder, embedding
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.input_spec_check import (
    context_features,
    has_label_column,
    is_embedded,
)

Tensor = Any

# Score of an item that must not be recommended; its sigmoid is 0.
_EXCLUDED = -1e9


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
        self.label_embedding = embedding(label)
        self.label_embedding.build()
        shared = {
            feature.feature_name: self.label_embedding
            for feature in context_features(input_spec)
            if hparams.tie_embeddings and has_label_column(feature, input_spec)
        }
        self.global_encoders, self.activity_encoders = (
            [
                FeatureGroupEncoder(group, hparams, label.embedding_dim, shared)
                for group in groups
            ]
            for groups in (
                input_spec.global_feature_groups,
                input_spec.activity_feature_groups,
            )
        )
        self.hidden_layers = [
            keras.layers.Dense(units, activation="relu", name=f"hidden_layer{i}")
            for i, units in enumerate(hparams.hidden_layer_dims)
        ]
        self.projection = (
            None
            if hparams.projection_activation == "none"
            else keras.layers.Dense(
                label.embedding_dim,
                activation=hparams.projection_activation,
                name="proj_layer",
            )
        )
        self.dropout = keras.layers.Dropout(hparams.dropout)
        inputs = {
            feature.feature_name: keras.KerasTensor(
                (None, feature.feature_length),
                dtype="int32" if is_embedded(feature) else "float32",
            )
            for feature in context_features(input_spec)
        }
        if self.projection is None:
            _check_width(self.encode(inputs).shape[-1], label.embedding_dim)
        # Creates the weights, which depend on nothing but the spec.
        self(inputs)

    def encode(
        self, features: Mapping[str, Tensor], training: bool | None = None
    ) -> Tensor:
        """The context vectors, `[batch, label embedding_dim]` float32."""
        encoders = (*self.global_encoders, *self.activity_encoders)
        return self._project([encoder(features) for encoder in encoders], training)

    def encode_positions(
        self, features: Mapping[str, Tensor], training: bool | None = None
    ) -> Tensor:
        """The vectors of the contexts that end with each position.

        Only where `input_spec_check.trains_on_timelines` says so.

        Args:
          features: Of the activities `[batch, length]`, of the user
            `[batch, feature_length]`.
          training: Whether to drop units.

        Returns:
          `[batch, length, label embedding_dim]` float32.
        """
        states = [encoder.states(features) for encoder in self.activity_encoders]
        length = ops.shape(states[0])[1]
        users = [
            ops.repeat(ops.expand_dims(encoder(features), 1), length, axis=1)
            for encoder in self.global_encoders
        ]
        return self._project([*users, *states], training)

    def _project(self, vectors: Sequence[Tensor], training: bool | None) -> Tensor:
        vector = ops.concatenate(vectors, axis=-1) if len(vectors) > 1 else vectors[0]
        layers = [*self.hidden_layers, *([self.projection] if self.projection else [])]
        for layer in layers:
            vector = layer(self.dropout(vector, training=training))
        return vector

    @property
    def item_table(self) -> Tensor:
        """The items' vectors by id, `[vocab_size, embedding_dim]` float32."""
        return ops.convert_to_tensor(self.label_embedding.embeddings)

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
        vectors = self.encode(features, training)
        return ops.matmul(vectors, ops.transpose(self.item_table))

    def scores(self, features: Mapping[str, Tensor]) -> Tensor:
        """Scores every id as `call` does; the lowest where items are excluded.

        Args:
          features: As `call`'s.

        Returns:
          `[batch, vocab_size]` float32; id 0 is no item.
        """
        return self._allowed(features, self(features, training=False))

    def recommend(self, features: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The best items; id 0 is no item.

        Returns:
          Ids, int32 `[batch, num_predictions]`, best first, and their scores after a
          sigmoid, float32.
        """
        return self.best(self.item_scores(features))

    def item_scores(self, features: Mapping[str, Tensor]) -> Tensor:
        """Scores of the items that may be recommended: `[batch, vocab_size - 1]`."""
        if self.hparams.tie_embeddings or self.hparams.exclude_seen:
            # Cut off after the product, so that a tied table is stored once.
            return self.scores(features)[:, 1:]
        # Before it nothing is left to do on the device.
        return ops.matmul(self.encode(features), ops.transpose(self.item_table[1:]))

    def best(self, item_scores: Tensor) -> tuple[Tensor, Tensor]:
        """What `recommend` gives for scores `[..., vocab_size - 1]` of all items."""
        count = self.hparams.num_predictions
        top, ids = ops.top_k(item_scores, count, sorted=True)
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
        scores = self.scores(features)
        own = ops.take_along_axis(scores, ops.expand_dims(label, -1), axis=1)
        worse = ops.cast(ops.less(scores[:, 1:], own), "int32")
        vocab_size = scores.shape[1]
        rank = vocab_size - 1 - ops.sum(worse, axis=1)
        missed = ops.logical_or(ops.equal(label, 0), ops.isnan(ops.sum(scores, axis=1)))
        return ops.where(missed, vocab_size, rank)

    def _allowed(self, features: Mapping[str, Tensor], scores: Tensor) -> Tensor:
        """The scores, without those of the context's items if they are excluded."""
        if not self.hparams.exclude_seen:
            return scores
        spec = self.feature_spec
        seen = [
            features[feature.feature_name]
            for group in spec.activity_feature_groups
            for feature in group.features
            if has_label_column(feature, spec)
        ]
        ids = ops.concatenate(seen, axis=1) if len(seen) > 1 else seen[0]
        rows, vocab_size = ops.shape(scores)[0], scores.shape[1]
        # One list of places for all rows: TensorFlow Lite scatters so.
        places = ops.reshape(
            ids + vocab_size * ops.expand_dims(ops.arange(rows, dtype="int32"), 1),
            (-1, 1),
        )
        times = ops.scatter(
            places, ops.ones_like(places[:, 0], "float32"), (rows * vocab_size,)
        )
        times = ops.reshape(times, (-1, vocab_size))
        return ops.where(ops.greater(times, 0.0), _EXCLUDED, scores)


def _check_width(width: int, embedding_dim: int) -> None:
    if width != embedding_dim:
        raise UserError(
            f"Without a projection the context's vector has {width} values, and the "
            f"label's `embedding_dim` is {embedding_dim}. Make them equal, or set "
            "`projection_activation` to another value than `none`."
        )
