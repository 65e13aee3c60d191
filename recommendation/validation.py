"""Exact ranking metrics of a model on timelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ondevice_rec.recommendation import ranking
from ondevice_rec.recommendation.feed import windows
from ondevice_rec.recommendation.feed.timeline_source import Source
from ondevice_rec.recommendation.learner import LABEL
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.schemas.errors import UserError

Tensor = Any

_BATCH_SIZE = 512


class Validation:
    """Ranks the validation split's targets among all items.

    Args:
      model: The model to measure, whatever its weights are at the time.
      source: Transformed timelines of the split, TFRecord files or `Timelines`.
      top_k: The k's of recall and NDCG.

    Raises:
      UserError: they hold no target with an earlier event.
    """

    def __init__(
        self, model: RecommendationModel, source: Source, top_k: Sequence[int]
    ) -> None:
        spec = model.feature_spec
        queries = windows.evaluation_windows(source, spec, _BATCH_SIZE).map(
            tf.autograph.experimental.do_not_convert(
                lambda features, label, query: {**features, LABEL: label}
            )
        )
        batches = sum(1 for _ in queries)
        # Keras takes the end of data of unknown size for an interruption, and warns.
        self._queries = queries.apply(tf.data.experimental.assert_cardinality(batches))
        self._ranker = _Ranker(model)
        self._vocab_size = spec.label_feature.vocab_size
        self._top_k = tuple(top_k)
        if not batches:
            raise UserError(
                "The validation split has no target with an earlier event. Does the "
                "log have enough events for the `split` asked for?"
            )

    def measure(self) -> dict[str, float]:
        """Means over all targets, e.g. `recall@10` and `ndcg@10`."""
        ranks = self._ranker.predict(self._queries, verbose=0)
        values = ranking.query_metrics(ranks, self._vocab_size, self._top_k)
        names = ranking.metric_names(self._top_k)
        return dict(zip(names, np.mean(values, axis=0).tolist(), strict=True))


class _Ranker(keras.Model):
    """The rank of the true item as a model, so that Keras compiles and batches it."""

    def __init__(self, model: RecommendationModel) -> None:
        super().__init__(name="ranker")
        self._model = model
        self.built = True

    def call(self, inputs: Mapping[str, Tensor]) -> Tensor:
        features = dict(inputs)
        return self._model.rank(features, features.pop(LABEL))
