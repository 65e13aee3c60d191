"""What a model is given for one history."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from ondevice_rec.recommendation.export.assets import ModelAssets
from ondevice_rec.recommendation.spec import Feature
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.input_spec_check import (
    context_features,
    groups,
    is_embedded,
    source_column,
)
from ondevice_rec.schemas.timeline import OOV_ID

logger = logging.getLogger("ondevice_rec.recommender")


class Inputs:
    """Fills a model's inputs: the history, and what else is known.

    Values of other inputs are given by feature name, those of events oldest first: keys
    of the column's vocabulary (ids where it has none), or numbers. The latest that fit
    are taken, of a user's the first. What is not given is 0.

    Attributes:
      needed: Names of inputs without which the model reads no item of the history.

    Args:
      assets: The model's.

    Raises:
      UserError: the model reads no items.
    """

    def __init__(self, assets: ModelAssets) -> None:
        spec = assets.input_spec
        self._vocabularies = assets.vocabularies
        self._features = {f.feature_name: f for f in context_features(spec)}
        self._users = {
            feature.feature_name
            for group in spec.global_feature_groups
            for feature in group.features
        }
        self._items = {
            name
            for name, feature in self._features.items()
            if is_embedded(feature) and source_column(feature) == assets.item_column
        }
        # Where one of a group's ids is 0, its other ones are masked.
        self.needed = {
            feature.feature_name
            for group in groups(spec)
            if any(feature.feature_name in self._items for feature in group.features)
            for feature in group.features
            if is_embedded(feature)
        } - self._items
        if not self._items:
            raise UserError(
                "A model recommends by history only if it reads column "
                f"`{assets.item_column}`, received the inputs "
                f"{', '.join(self._features)}. Add a context feature of that column to "
                "`input_spec`."
            )

    def fill(
        self, history: Sequence[int], given: Mapping[str, Sequence[str | float]]
    ) -> dict[str, np.ndarray]:
        """The inputs by name, `[feature_length]` int32 or float32.

        Args:
          history: Ids of the items, oldest first, 0 for unknown ones.
          given: Values of other inputs.

        Raises:
          UserError: an input is unknown or missing, or a value is none of its column.
        """
        others = sorted(set(self._features) - self._items)
        unknown = sorted(set(given) - set(others))
        if unknown:
            raise UserError(
                f"`features` must be of {', '.join(others) or 'no input'}, received "
                f"{', '.join(unknown)}."
            )
        missing = sorted(self.needed - set(given))
        if missing:
            raise UserError(
                f"`features` must hold {', '.join(missing)}: the model reads no item "
                "without it, being in the same feature group. Pass its values for the "
                "events of the history, oldest first."
            )
        unfilled = [name for name in others if name not in given]
        if unfilled:
            logger.debug("inputs left 0: %s", ", ".join(unfilled))
        return {
            name: self._filled(
                name,
                history
                if name in self._items
                else self._values(feature, given.get(name, ())),
            )
            for name, feature in self._features.items()
        }

    def _values(
        self, feature: Feature, given: Sequence[str | float]
    ) -> list[int] | list[float]:
        """Ids of keys, or numbers."""
        name = feature.feature_name
        column = source_column(feature)
        if isinstance(given, str):
            raise UserError(f"`{name}` must be a list of values, received {given!r}.")
        if is_embedded(feature) and column in self._vocabularies:
            return [self._ids[column].get(str(key), OOV_ID) for key in given]
        try:
            numbers = [float(value) for value in given]
        except ValueError as error:
            raise UserError(f"`{name}` must hold numbers: {error}.") from error
        if not is_embedded(feature):
            return numbers
        for value in numbers:
            if value != int(value) or not 0 <= value < feature.vocab_size:
                raise UserError(
                    f"`{name}` must hold ids from 0 to {feature.vocab_size - 1}, "
                    f"received {value:g}."
                )
        return [int(value) for value in numbers]

    @cached_property
    def _ids(self) -> dict[str, dict[str, int]]:
        return {
            column: {key: id_ for id_, key in enumerate(keys) if id_}
            for column, keys in self._vocabularies.items()
        }

    def _filled(self, name: str, values: Sequence[float]) -> np.ndarray:
        feature = self._features[name]
        length = feature.feature_length
        kept = values[:length] if name in self._users else values[-length:]
        dtype = np.int32 if is_embedded(feature) else np.float32
        filled = np.zeros(length, dtype)
        filled[: len(kept)] = kept
        return filled
