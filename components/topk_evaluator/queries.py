"""Reads the queries of the test split, with what each model reads of their history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from ondevice_rec.components.topk_evaluator.timeline_events import user_hashes
from ondevice_rec.recommendation.feed.windows import evaluation_windows
from ondevice_rec.recommendation.spec import Feature, FeatureGroup, InputSpec
from ondevice_rec.schemas import timeline
from ondevice_rec.schemas.input_spec_check import (
    context_features,
    is_embedded,
    source_column,
)

_LAST = "last_item"
_SEEN = "seen_items"
_OTHER = "other_model/"
_PARSED_TIMELINES = 4096


@dataclass(frozen=True)
class Queries:
    """A batch of queries.

    Attributes:
      features: The candidate's inputs, `[queries, feature_length]`.
      other_features: The other model's inputs, in the candidate's ids.
      label: int32 `[queries]`; 0 for an unknown item.
      last: int32 `[queries]`, item of the latest event before.
      seen: int32 `[queries, n]`, all items before, padded with 0; None if not asked
        for.
      history_length: int32 `[queries]`, number of events before.
      users: uint64 `[queries]`, a hash of the user.
      foreign: Number of ids, now 0, that the candidate has no vector for.
    """

    features: dict[str, np.ndarray]
    other_features: dict[str, np.ndarray]
    label: np.ndarray
    last: np.ndarray
    seen: np.ndarray | None
    history_length: np.ndarray
    users: np.ndarray
    foreign: int


def read_queries(
    path: str,
    input_spec: InputSpec,
    other_spec: InputSpec | None,
    with_seen: bool,
    batch_size: int,
) -> Iterator[Queries]:
    """The queries of a file, in its order; none where it holds no timeline.

    Args:
      path: TFRecord file (gzip) of transformed timelines.
      input_spec: What the candidate reads.
      other_spec: What another model reads of the same columns.
      with_seen: Whether to give all items of the history.
      batch_size: Queries of a batch.
    """
    # A shard may be without a timeline where there are few users.
    if not any(True for _ in tf.data.TFRecordDataset([path], "GZIP").take(1)):
        return
    column = source_column(input_spec.label_feature)
    longest = _longest_timeline(path, column) if with_seen else 0
    spec = _everything(input_spec, other_spec, longest)
    sizes = {f.feature_name: f.vocab_size for f in context_features(input_spec)}
    embedded = [f for f in context_features(input_spec) if is_embedded(f)]
    items = input_spec.label_feature.vocab_size
    for tensors, label, query in evaluation_windows([path], spec, batch_size):
        given = {name: values.numpy() for name, values in tensors.items()}
        foreign = 0
        known = {name: given[name] for name in sizes}
        for name in (feature.feature_name for feature in embedded):
            foreign += int(np.count_nonzero(known[name] >= sizes[name]))
            known[name] = _below(known[name], sizes[name])
        ids = label.numpy()
        seen = _below(given[_SEEN], items) if with_seen else None
        if seen is not None:
            # The longest history of the file is seldom in the batch.
            used = int(query["history_length"].numpy().max(initial=1))
            seen = seen[:, :used]
        yield Queries(
            features=known,
            other_features={
                name.removeprefix(_OTHER): values
                for name, values in given.items()
                if name.startswith(_OTHER)
            },
            label=_below(ids, items),
            last=_below(given[_LAST][:, 0], items),
            seen=seen,
            history_length=query["history_length"].numpy(),
            users=user_hashes(query[timeline.USER]),
            foreign=foreign + int(np.count_nonzero(ids >= items)),
        )


def _below(ids: np.ndarray, size: int) -> np.ndarray:
    return np.where(ids < size, ids, timeline.OOV_ID)


def _longest_timeline(path: str, column: str) -> int:
    """Number of events of the longest timeline."""
    features = {column: tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64)}
    records = tf.data.TFRecordDataset([path], "GZIP").batch(_PARSED_TIMELINES)
    lengths = [
        int(tf.io.parse_example(batch, features)[column].bounding_shape(axis=1))
        for batch in records
    ]
    return max(lengths, default=0)


def _everything(
    input_spec: InputSpec, other_spec: InputSpec | None, longest: int
) -> InputSpec:
    """A spec that asks for the inputs of both models and the history."""
    spec = InputSpec()
    spec.CopyFrom(input_spec)
    if other_spec is not None:
        for groups, others in (
            (spec.global_feature_groups, other_spec.global_feature_groups),
            (spec.activity_feature_groups, other_spec.activity_feature_groups),
        ):
            for group in others:
                groups.append(_renamed(group))
    history = spec.activity_feature_groups.add()
    for name, length in ((_LAST, 1), (_SEEN, longest)):
        if length:
            feature = history.features.add()
            feature.CopyFrom(input_spec.label_feature)
            feature.column = source_column(input_spec.label_feature)
            feature.feature_name, feature.feature_length = name, length
    return spec


def _renamed(group: FeatureGroup) -> FeatureGroup:
    renamed = FeatureGroup()
    renamed.CopyFrom(group)
    for feature in renamed.features:
        _rename(feature)
    return renamed


def _rename(feature: Feature) -> None:
    feature.column = source_column(feature)
    feature.feature_name = _OTHER + feature.feature_name
