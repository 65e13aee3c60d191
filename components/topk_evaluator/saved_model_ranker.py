"""Ranks items by a SavedModel's scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ondevice_rec.components.topk_evaluator.best_items import best_items
from ondevice_rec.recommendation.export.export import ALL_SCORES, SCORE
from ondevice_rec.schemas.timeline import OOV_ID

Ranked = tuple[np.ndarray, np.ndarray]


class SavedModelRanker:
    """Ranks all items for a batch of queries; their scores never leave TensorFlow."""

    def __init__(self, saved_model_dir: str) -> None:
        """Loads the model.

        Args:
          saved_model_dir: A SavedModel with the signature `score`.
        """
        # The signature's variables live as long as the loaded object.
        self._model = tf.saved_model.load(saved_model_dir)
        self._score = self._model.signatures[SCORE]
        self._rank_all = tf.function(
            self._in_graph, autograph=False, reduce_retracing=True
        )

    def rank(
        self,
        features: Mapping[str, np.ndarray],
        label: np.ndarray,
        seen: np.ndarray | None,
        length: int,
    ) -> Ranked:
        """Ranks all items.

        Args:
          features: The model's inputs, `[queries, feature_length]`.
          label: int32 `[queries]`, the item to find; 0 where it is unknown.
          seen: int32 `[queries, n]`, items not to recommend, padded with 0, or None.
          length: Items of a list.

        Returns:
          The label's rank, int64 `[queries]`, as `recommendation/ranking.py` defines
          it, vocab_size for an unknown or seen label; and the best items, int32
          `[queries, length]`, 0 where there are no more.
        """
        given = {name: tf.constant(values) for name, values in features.items()}
        hidden = None if seen is None else tf.constant(seen, tf.int32)
        ranks, lists = self._rank_all(
            given, tf.constant(label, tf.int32), hidden, length
        )
        found = np.zeros((len(label), length), np.int32)
        found[:, : lists.shape[1]] = lists.numpy()
        return ranks.numpy().astype(np.int64), found

    def _in_graph(
        self,
        features: Mapping[str, tf.Tensor],
        label: tf.Tensor,
        seen: tf.Tensor | None,
        length: int,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        scores = self._score(**features)[ALL_SCORES]
        vocab_size = scores.shape[1]
        missed = tf.equal(label, OOV_ID)
        if seen is not None:
            rows = tf.broadcast_to(
                tf.range(tf.shape(seen)[0])[:, tf.newaxis], tf.shape(seen)
            )
            scores = tf.tensor_scatter_nd_update(
                scores,
                tf.stack([rows, seen], axis=2),
                tf.fill(tf.shape(seen), tf.constant(-np.inf, scores.dtype)),
            )
            missed |= tf.reduce_any(seen == label[:, tf.newaxis], axis=1)
        own = tf.gather(scores, label, batch_dims=1)
        # Counts the worse ones, so that a NaN counts as at least as good. Id 0, no
        # item, is taken off again: to cut its column off copies all scores.
        worse = tf.reduce_sum(tf.cast(scores < own[:, tf.newaxis], tf.int32), axis=1)
        worse -= tf.cast(scores[:, OOV_ID] < own, tf.int32)
        missed |= tf.math.is_nan(own)
        lists = best_items(scores, length)
        return tf.where(missed, vocab_size, vocab_size - 1 - worse), lists
