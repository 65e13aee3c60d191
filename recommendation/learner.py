"""The model as it is trained: contexts and what followed in, a loss out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from ondevice_rec.recommendation.losses.loss import Loss
from ondevice_rec.recommendation.model import RecommendationModel

Tensor = Any

# The labels among a learner's inputs. No feature can be called this: names are
# identifiers.
LABEL = "(label)"


class Learner(keras.Model):
    """Trains a `RecommendationModel`, on any backend of Keras.

    `fit` and `evaluate` take batches of one dictionary: the model's features, and the
    labels under `LABEL`. `compile` takes an optimizer, but no loss.

    Args:
      model: Is trained in place.
      loss: What is minimised.
      on_timelines: Every position of an input has a label, int32 `[batch, length]`, 0
        where it does not count; otherwise the whole input has one, int32 `[batch]` or
        `[batch, 1]`.

    Example:
      learner = Learner(model, GlobalSoftmax())
      learner.compile("adam")
      learner.fit({"context_item": [[3, 4, 0]], LABEL: [5]})
    """

    def __init__(
        self, model: RecommendationModel, loss: Loss, on_timelines: bool = False
    ) -> None:
        super().__init__(name="learner")
        self.model = model
        # `loss` is a name of Keras's.
        self.objective = loss
        self.on_timelines = on_timelines
        self.built = True

    def call(
        self, inputs: Mapping[str, Tensor], training: bool | None = None
    ) -> Tensor:
        """Adds the loss.

        Returns:
          The contexts' vectors, float32 `[labels, dim]`.
        """
        features = dict(inputs)
        labels = ops.cast(ops.reshape(features.pop(LABEL), (-1,)), "int32")
        if self.on_timelines:
            vectors = self.model.encode_positions(features, training)
            vectors = ops.reshape(vectors, (-1, vectors.shape[-1]))
        else:
            vectors = self.model.encode(features, training)
        self.add_loss(self.objective(vectors, labels, self.model.item_table))
        return vectors
