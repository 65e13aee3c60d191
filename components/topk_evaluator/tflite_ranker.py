"""Ranks items as a TFLite file lists them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ondevice_rec.components.topk_evaluator.saved_model_ranker import Ranked
from ondevice_rec.recommendation.ondevice.interpreter import Interpreter
from ondevice_rec.schemas.timeline import OOV_ID


class TfliteRanker:
    """Knows only the items that the file recommends: any other is a miss."""

    def __init__(self, path: str, vocab_size: int) -> None:
        """Loads the file.

        Args:
          path: The `.tflite` file.
          vocab_size: Number of ids of the items.
        """
        with tf.io.gfile.GFile(path, "rb") as file:
            self._interpreter = Interpreter(file.read())
        self._vocab_size = vocab_size

    def rank(
        self,
        features: Mapping[str, np.ndarray],
        label: np.ndarray,
        seen: np.ndarray | None,
        length: int,
    ) -> Ranked:
        """As `SavedModelRanker.rank`; a rank is the place in the list.

        Items that were seen are struck from the list, which becomes shorter, as in an
        app that does so.
        """
        listed = self._interpreter.num_predictions
        found = np.empty((len(label), listed), np.int32)
        names = self._interpreter.inputs
        for row in range(len(label)):
            found[row], _ = self._interpreter(
                {name: features[name][row] for name in names}
            )
        if seen is not None:
            hidden = np.array(
                [np.isin(ids, row) for ids, row in zip(found, seen, strict=True)]
            ).reshape(found.shape)
            order = np.argsort(hidden, axis=1, kind="stable")
            found = np.take_along_axis(np.where(hidden, OOV_ID, found), order, axis=1)
        hit = (found == label[:, np.newaxis]) & (label != OOV_ID)[:, np.newaxis]
        rank = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, self._vocab_size)
        return rank.astype(np.int64), found[:, :length]
