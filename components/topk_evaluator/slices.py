"""Parts of the queries that are measured on their own.

history_length: number of events before the target, in the buckets 1-5, 6-20, 21-100
    and 101+.
item_popularity: share of the training events that the target's item has. Items in
    decreasing order of their events: "head" are the first ones until they have half
    of all events, "torso" those until nine tenths, "tail" the others. "unseen" has no
    training event, as out-of-vocabulary items.
cold_items: "unknown" is an item outside the vocabulary, "cold" one with fewer than
    `cold_item_events` training events, "warm" any other.
a column of the model's inputs, STRING or INT: the user's value (the first of
    several), or the latest value before the target that the vocabulary knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ondevice_rec.schemas import input_spec_pb2
from ondevice_rec.schemas.input_spec_check import is_embedded, source_column
from ondevice_rec.schemas.timeline import OOV_ID

OVERALL = "overall"
HISTORY_LENGTH = "history_length"
ITEM_POPULARITY = "item_popularity"
COLD_ITEMS = "cold_items"

_HISTORY_BOUNDS = (6, 21, 101)
_HEAD_SHARE = 0.5
_TORSO_SHARE = 0.9
BUCKETS = {
    HISTORY_LENGTH: ("1-5", "6-20", "21-100", "101+"),
    ITEM_POPULARITY: ("head", "torso", "tail", "unseen"),
    COLD_ITEMS: ("unknown", "cold", "warm"),
}


def check_names(
    names: Sequence[str], input_spec: input_spec_pb2.InputSpec | None
) -> None:
    """Checks what the queries are sliced by.

    Raises:
      ValueError: a name is unknown or stands there twice. The columns are only known
        with an input spec.
    """
    for name in names:
        if list(names).count(name) > 1:
            raise ValueError(
                f"`slices` must hold every name once, received {name!r} again."
            )
        if name in BUCKETS or input_spec is None:
            continue
        valid = [*BUCKETS, *_columns(input_spec)]
        if name not in valid:
            raise ValueError(
                f"`slices` must hold names from {', '.join(valid)}, received {name!r}. "
                "A column must be a STRING or INT feature of `input_spec`."
            )


def check_value(value: str, names: Sequence[str]) -> None:
    """Checks the slice that a threshold holds for, e.g. "history_length=1-5".

    Raises:
      ValueError: it is not "NAME=VALUE" with a name from `slices`, or no such bucket.
    """
    name, equals, bucket = value.partition("=")
    if not equals or name not in names:
        valid = [f"{known}={'|'.join(BUCKETS.get(known, ['...']))}" for known in names]
        raise ValueError(
            f"`slice` of a threshold must be one of {', '.join(valid) or 'none'}, "
            f"received {value!r}. Add its name to `slices` in `evaluation`."
        )
    if name in BUCKETS and bucket not in BUCKETS[name]:
        raise ValueError(
            f"`slice` of a threshold on {name} must be one of "
            f"{', '.join(f'{name}={b}' for b in BUCKETS[name])}, received {value!r}."
        )


class Slicer:
    """Says which slices a query belongs to: one for each name."""

    def __init__(
        self,
        names: Sequence[str],
        input_spec: input_spec_pb2.InputSpec,
        vocabularies: Mapping[str, Sequence[str]],
        item_counts: np.ndarray,
        cold_item_events: int,
    ) -> None:
        """Prepares the slices.

        Args:
          names: What to slice by.
          input_spec: The model's inputs.
          vocabularies: Keys by column; index is the id.
          item_counts: int `[vocab_size]`, training events per item id.
          cold_item_events: Items with fewer events are cold.
        """
        self._names = list(names)
        self._features = _columns(input_spec)
        self._global = {
            feature.feature_name
            for group in input_spec.global_feature_groups
            for feature in group.features
        }
        self._vocabularies = vocabularies
        self._popularity = popularity_buckets(item_counts)
        self._warmth = np.where(item_counts < cold_item_events, 1, 2)
        self._warmth[OOV_ID] = 0

    def codes(
        self,
        features: Mapping[str, np.ndarray],
        label: np.ndarray,
        history_length: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """A number for each query's slice, int `[queries]`, by name."""
        return {
            name: self._codes(name, features, label, history_length)
            for name in self._names
        }

    def describe(self, name: str, code: int) -> str:
        """The slice of a number, as thresholds write it."""
        values = BUCKETS[name] if name in BUCKETS else self._vocabularies[name]
        return f"{name}={values[code]}"

    def _codes(
        self,
        name: str,
        features: Mapping[str, np.ndarray],
        label: np.ndarray,
        history_length: np.ndarray,
    ) -> np.ndarray:
        if name == HISTORY_LENGTH:
            return np.digitize(history_length, _HISTORY_BOUNDS)
        if name == ITEM_POPULARITY:
            return self._popularity[label]
        if name == COLD_ITEMS:
            return self._warmth[label]
        feature = self._features[name]
        values = features[feature]
        if feature in self._global:
            return values[:, 0]
        # Padded at the end with 0: the first one from behind that is not 0.
        latest = values.shape[1] - 1 - np.argmax(values[:, ::-1] != 0, axis=1)
        return np.take_along_axis(values, latest[:, None], axis=1)[:, 0]


def popularity_buckets(item_counts: np.ndarray) -> np.ndarray:
    """Bucket of each item, an index into `BUCKETS[ITEM_POPULARITY]`.

    Args:
      item_counts: int `[vocab_size]`, training events per id; id 0 is no item.

    Returns:
      int `[vocab_size]`; the last bucket for id 0 and items without events.
    """
    counts = item_counts.copy()
    counts[0] = 0
    order = np.argsort(-counts, kind="stable")
    share_before = (np.cumsum(counts[order]) - counts[order]) / max(1, counts.sum())
    bucket = np.empty(len(counts), np.int64)
    bucket[order] = np.digitize(share_before, (_HEAD_SHARE, _TORSO_SHARE))
    return np.where(counts == 0, 3, bucket)


def _columns(input_spec: input_spec_pb2.InputSpec) -> dict[str, str]:
    """Columns to slice by and the name of the first input made of each."""
    found: dict[str, str] = {}
    for group in [
        *input_spec.global_feature_groups,
        *input_spec.activity_feature_groups,
    ]:
        for feature in group.features:
            if is_embedded(feature):
                found.setdefault(source_column(feature), feature.feature_name)
    return found
