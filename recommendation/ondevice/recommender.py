"""Recommends items from a version folder, as an app on a device does."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ondevice_rec.recommendation.ondevice import version_folder
from ondevice_rec.recommendation.ondevice.interpreter import Interpreter
from ondevice_rec.recommendation.ondevice.request import checked_top_n
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.timeline import OOV_ID

logger = logging.getLogger("ondevice_rec.ondevice")


@dataclass(frozen=True)
class Recommendation:
    """A recommended item.

    Attributes:
      key: The item's key in the activity log.
      title: What to show; the key where the catalogue has no title.
      score: The model's score, 0 to 1.
      id: The item's id in this version.
    """

    key: str
    title: str
    score: float
    id: int


class OnDeviceRecommender:
    """Turns item keys into recommended items with one version's `model.tflite`.

    The history goes into the inputs made from the item's own column, the latest
    events that fit, oldest first. Other inputs (of the user, or of other columns of
    the events) are left 0, as for values that were never seen in training.
    """

    def __init__(self, folder: str | Path) -> None:
        """Opens a version folder, or the latest version of a serving folder.

        Raises:
          UserError: there is no version, or its files are not those published.
        """
        self._version = version_folder.open_version(folder)
        self._version.check_files()
        model = (self._version.path / version_folder.MODEL).read_bytes()
        self._interpreter = Interpreter(model)
        item_column = self._version.manifest["item_column"]
        self._item_inputs = {
            entry["name"]
            for entry in self._version.manifest["inputs"]
            if entry["column"] == item_column
        }
        unfilled = sorted(set(self._interpreter.inputs) - self._item_inputs)
        if unfilled:
            logger.info("inputs left 0: %s", ", ".join(unfilled))

    @property
    def version(self) -> int:
        """The number of the version in use."""
        return self._version.version

    @property
    def num_predictions(self) -> int:
        """The most items a call can return."""
        return self._version.num_predictions

    def unknown(self, history_keys: Sequence[str]) -> list[str]:
        """The keys of the history that this version does not know, in its order."""
        return [key for key in history_keys if key not in self._version.ids]

    def recommend(
        self,
        history_keys: Sequence[str],
        top_n: int | None = None,
        exclude_seen: bool = False,
    ) -> list[Recommendation]:
        """Recommends what may come after a history.

        Unknown keys keep their place, as out-of-vocabulary items do in training;
        `unknown` lists them.

        Args:
          history_keys: Keys of the items the user acted on, oldest first.
          top_n: Number of items wanted; left out: all the model gives.
          exclude_seen: Leaves out items of the history. They are taken away from the
            model's `num_predictions` items, so fewer than `top_n` may remain.

        Returns:
          Items, best first.

        Raises:
          UserError: the history is empty or has unknown keys only, or `top_n` is not
            between 1 and `num_predictions`.
        """
        if isinstance(history_keys, str):
            raise UserError(
                f"`history_keys` must be a list of keys, received {history_keys!r}. "
                "Pass a list, also for one key."
            )
        wanted = checked_top_n(top_n, self.num_predictions)
        known = self._checked_history(history_keys)
        ids, scores = self._interpreter(self._features(history_keys))
        seen = known if exclude_seen else set()
        found = [
            Recommendation(
                self._version.keys[id_], self._version.titles[id_], float(score), id_
            )
            for id_, score in zip(ids.tolist(), scores.tolist(), strict=True)
            if id_ != OOV_ID and id_ not in seen
        ]
        return found[:wanted]

    def _checked_history(self, history_keys: Sequence[str]) -> set[int]:
        """The ids of the known keys."""
        if not history_keys:
            raise UserError(
                "`history_keys` must hold at least one key, received none. Pass the "
                "items the user acted on, oldest first."
            )
        ids = self._version.ids
        known = {ids[key] for key in history_keys if key in ids}
        if not known:
            raise UserError(
                f"`history_keys` must hold a key of version {self.version}, received "
                f"only unknown ones: {', '.join(map(repr, history_keys))}. Pass keys "
                f"of {self._version.path / version_folder.VOCABULARY}."
            )
        return known

    def _features(self, history_keys: Sequence[str]) -> dict[str, np.ndarray]:
        ids = [self._version.ids.get(key, OOV_ID) for key in history_keys]
        features = {}
        for name, (shape, dtype) in self._interpreter.inputs.items():
            values = np.zeros(shape, dtype)
            if name in self._item_inputs:
                latest = ids[-shape[0] :]
                values[: len(latest)] = latest
            features[name] = values
        return features
