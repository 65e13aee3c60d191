"""A log as the timelines of its splits, with vocabularies learnt from train."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from ondevice_rec.recommendation.data import split as splits
from ondevice_rec.recommendation.data.event_log import EventLog, Names
from ondevice_rec.recommendation.data.log_columns import EventColumn
from ondevice_rec.recommendation.export.items import OOV_KEY
from ondevice_rec.recommendation.feed.timelines import Timelines
from ondevice_rec.recommendation.spec import InputSpec
from ondevice_rec.schemas import input_spec_check
from ondevice_rec.schemas.errors import UserError


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Keys that train has.

    Attributes:
      keys: Index is the id; index 0 is `[OOV]`.
      counts: Number of times train has each; 0 for id 0.
    """

    keys: list[str]
    counts: list[int]


@dataclasses.dataclass(frozen=True)
class LogTimelines:
    """What a log becomes.

    Attributes:
      parts: Timelines of train, validation and test.
      vocabularies: By source column of the input spec.
      input_spec: With `vocab_size`s.
    """

    parts: tuple[Timelines, Timelines, Timelines]
    vocabularies: Mapping[str, Vocabulary]
    input_spec: InputSpec


@dataclasses.dataclass(frozen=True)
class _Part:
    """Events of one split: whose, which, and which of them are asked for."""

    users: np.ndarray
    row_splits: np.ndarray
    events: np.ndarray
    target: np.ndarray


def build(
    log: EventLog,
    input_spec: InputSpec,
    names: Names,
    split: splits.Split,
    min_timeline: int,
    min_count: int,
) -> LogTimelines:
    """Divides a log, learns the vocabularies from train, and makes ids.

    A split has the timelines in which it asks for an event, each up to the last event
    it asks for.

    Args:
      log: The events.
      input_spec: What is read; a `vocab_size` caps its vocabulary.
      names: Of the log's columns.
      split: How it is divided.
      min_timeline: Users with fewer events are left out.
      min_count: Keys that train has less often share id 0.

    Raises:
      UserError: there is nothing to train on, or a setting is out of range.
    """
    for name, value in (("min_timeline", min_timeline), ("min_count", min_count)):
        if value < 1:
            raise UserError(f"`{name}` must be >= 1, received {value}.")
    assigned = splits.assign(split, log.row_splits, log.timestamp)
    lengths = np.diff(log.row_splits)
    assigned[np.repeat(lengths < min_timeline, lengths)] = splits.NO_SPLIT
    parts = [
        _part(log.row_splits, assigned == number)
        for number in (splits.TRAIN, splits.VALIDATION, splits.TEST)
    ]
    if not len(parts[0].events):
        raise UserError(
            f"The log has nothing to train on: {len(log.users)} users, "
            f"{len(log.timestamp)} events, none of them in train with an event of the "
            f"same user before it (`split` {split.strategy}). Use a longer log, or "
            "another `split`."
        )
    columns = {**log.features, names.item: log.item}
    spec = InputSpec()
    spec.CopyFrom(input_spec)
    vocabularies = {}
    for column, cap in input_spec_check.vocabulary_caps(spec).items():
        values = columns[names.item if column == "item" else column]
        vocabularies[column] = _learn(values.take(parts[0].events), min_count, cap)
    for feature in [*input_spec_check.context_features(spec), spec.label_feature]:
        if input_spec_check.is_embedded(feature):
            column = input_spec_check.source_column(feature)
            feature.vocab_size = len(vocabularies[column].keys)
    timelines = [_timelines(log, part, spec, names, vocabularies) for part in parts]
    return LogTimelines((timelines[0], timelines[1], timelines[2]), vocabularies, spec)


def _part(row_splits: np.ndarray, asked: np.ndarray) -> _Part:
    places = np.flatnonzero(asked)
    owners = np.searchsorted(row_splits, places, side="right") - 1
    users, last = np.unique(owners[::-1], return_index=True)
    ends = places[::-1][last] + 1
    starts = row_splits[users]
    lengths = ends - starts
    firsts = np.cumsum(lengths) - lengths
    events = np.repeat(starts - firsts, lengths) + np.arange(lengths.sum())
    return _Part(
        users, np.append(0, np.cumsum(lengths)), events, asked[events].astype(np.int64)
    )


def _learn(column: EventColumn, min_count: int, cap: int | None) -> Vocabulary:
    """Ids by decreasing count, equal counts by key."""
    assert column.keys is not None
    counts = np.bincount(column.values, minlength=len(column.keys))
    found = [
        (-int(counts[code]), key)
        for code, key in enumerate(column.keys)
        if key and counts[code] >= min_count
    ]
    found.sort()
    if cap is not None:
        found = found[: max(cap - 1, 0)]
    return Vocabulary(
        [OOV_KEY, *(key for _, key in found)], [0, *(-count for count, _ in found)]
    )


def _timelines(
    log: EventLog,
    part: _Part,
    input_spec: InputSpec,
    names: Names,
    vocabularies: Mapping[str, Vocabulary],
) -> Timelines:
    def values(column: str, events: np.ndarray) -> EventColumn:
        of_log = log.item if column in ("item", names.item) else log.features[column]
        found = of_log.take(events)
        if found.keys is None:
            return found
        ids = {key: id_ for id_, key in enumerate(vocabularies[column].keys) if id_}
        table = np.array([ids.get(key, 0) for key in found.keys], np.int64)
        return dataclasses.replace(found, values=table[found.values])

    events = {
        input_spec_check.source_column(feature)
        for group in input_spec.activity_feature_groups
        for feature in group.features
    }
    of_user = {
        input_spec_check.source_column(feature)
        for group in input_spec.global_feature_groups
        for feature in group.features
    }
    label = input_spec_check.source_column(input_spec.label_feature)
    if both := of_user & (events | {label}):
        raise UserError(
            f"Column `{min(both)}` is read for the user and for the events. Copy it "
            "under another name for one of them."
        )
    columns, lengths = {}, {}
    for column in sorted(events | {label}):
        found = values(column, part.events)
        columns[column] = found.values
        if found.lengths is not None:
            lengths[column] = found.lengths
    user_columns = {}
    latest = part.events[part.row_splits[1:] - 1] if len(part.users) else part.events
    for column in sorted(of_user):
        found = values(column, latest)
        counts = found.lengths if found.lengths is not None else np.ones_like(latest)
        user_columns[column] = (found.values, np.append(0, np.cumsum(counts)))
    return Timelines(
        users=[log.users[user].encode() for user in part.users],
        row_splits=part.row_splits,
        timestamp=log.timestamp[part.events],
        target=part.target,
        columns=columns,
        lengths=lengths,
        user_columns=user_columns,
    )
