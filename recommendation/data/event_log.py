"""A log of activity in memory: the events of each user, oldest first."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from ondevice_rec.recommendation.data import log_columns
from ondevice_rec.recommendation.data.log_columns import EventColumn
from ondevice_rec.recommendation.data.rejections import Rejections
from ondevice_rec.recommendation.spec import Feature, InputSpec
from ondevice_rec.schemas import input_spec_check, timeline
from ondevice_rec.schemas.errors import UserError


@dataclasses.dataclass(frozen=True)
class Names:
    """Columns of a log.

    Attributes:
      user: Who acted.
      item: On which item.
      timestamp: When; None: the order of the rows.
      title: What to show for the item; None: its key.
      separators: What stands between several values, by column.
    """

    user: str = timeline.USER
    item: str = timeline.ITEM
    timestamp: str | None = timeline.TIMESTAMP
    title: str | None = None
    separators: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class EventLog:
    """Events by user, and by time within a user; equal times keep the rows' order.

    Attributes:
      users: Keys of the users that have events.
      row_splits: int64 `[users + 1]`: where each user's events begin.
      timestamp: int64 `[events]`.
      item: The items.
      features: Columns that the input spec's features are made from.
      titles: Titles by item; later rows prevail.
    """

    users: list[str]
    row_splits: np.ndarray
    timestamp: np.ndarray
    item: EventColumn
    features: Mapping[str, EventColumn]
    titles: Mapping[str, str]


def source(feature: Feature, names: Names) -> str:
    """The log's column that a feature is made from; "item" is the item's."""
    column = input_spec_check.source_column(feature)
    return names.item if column == timeline.ITEM else column


def columns_needed(input_spec: InputSpec, names: Names) -> list[str]:
    """The columns to read from a log.

    Raises:
      UserError: there is no label, or it is not the item.
    """
    label = input_spec.label_feature
    if not input_spec.HasField("label_feature") or not label.feature_name:
        raise UserError(
            "`label_feature` must name the item to predict, received none. Set it in "
            f"`input_spec`, e.g. to label_{timeline.ITEM}."
        )
    if source(label, names) != names.item or not input_spec_check.is_embedded(label):
        raise UserError(
            f"`label_feature` must be made from the item's column `{names.item}` and "
            f"be STRING or INT, received `{label.feature_name}`. Name it "
            f"label_{timeline.ITEM}, or set its `column`."
        )
    if not input_spec_check.groups(input_spec):
        raise UserError(
            "`input_spec` must have a feature group, received none. Add one to "
            "`activity_feature_groups`."
        )
    wanted = [names.user, names.item]
    wanted += [name for name in (names.timestamp, names.title) if name is not None]
    wanted += [
        source(feature, names)
        for feature in input_spec_check.context_features(input_spec)
    ]
    return list(dict.fromkeys(wanted))


def check_columns(wanted: Iterable[str], found: Iterable[str], what: str) -> None:
    """Checks that the log has the columns.

    Raises:
      UserError: it lacks one.
    """
    names = list(found)
    missing = [name for name in wanted if name not in names]
    if missing:
        raise UserError(
            f"{what} has no column {', '.join(f'`{name}`' for name in missing)}; it "
            f"has {', '.join(names)}. Pass the names of its columns (`user`, `item`, "
            "`timestamp`, `title`), or set `column` of the features in `input_spec`."
        )


def from_columns(
    columns: Mapping[str, pa.Array],
    input_spec: InputSpec,
    names: Names,
    rejected: Rejections,
) -> EventLog:
    """Parses columns, leaves out rows that cannot be used, and orders the events.

    Args:
      columns: Those of `columns_needed`, of one length.
      input_spec: What is read.
      names: Of the columns.
      rejected: Counts the rows that are left out.

    Raises:
      UserError: too many rows cannot be used, or none can.
    """
    rows = len(columns[names.user])
    flaws: list[log_columns.Flaws] = []
    user, found = log_columns.keys(columns[names.user], names.user, required=True)
    flaws.append(found)
    item, found = log_columns.keys(columns[names.item], names.item, required=True)
    flaws.append(found)
    if names.timestamp is None:
        order = timestamp = np.arange(rows)
    else:
        (order, timestamp), found = log_columns.moments(
            columns[names.timestamp], names.timestamp
        )
        flaws.append(found)
    features = {}
    for feature in input_spec_check.context_features(input_spec):
        name = source(feature, names)
        if name == names.item:
            features[name] = item
        elif name not in features:
            features[name], found = log_columns.feature(
                columns[name], name, feature.feature_type, names.separators.get(name)
            )
            flaws.append(found)
    good = _good_rows(rows, flaws, rejected)
    kept = np.flatnonzero(good)
    if not len(kept):
        raise UserError(
            f"The log has {rows} rows, and none can be used. Does it have events?"
        )
    titles = {}
    if names.title is not None:
        title, _ = log_columns.keys(columns[names.title], names.title, required=False)
        titles = _titles(item, title, kept)
    events = kept[np.lexsort((order[kept], user.values[kept]))]
    codes, starts = np.unique(user.values[events], return_index=True)
    assert user.keys is not None
    return EventLog(
        users=[user.keys[code] for code in codes],
        row_splits=np.append(starts, len(events)).astype(np.int64),
        timestamp=timestamp[events],
        item=item.take(events),
        features={name: column.take(events) for name, column in features.items()},
        titles=titles,
    )


def _good_rows(
    rows: int, flaws: Iterable[log_columns.Flaws], rejected: Rejections
) -> np.ndarray:
    good = np.ones(rows, bool)
    for found in flaws:
        for reason, bad in found.items():
            rejected.add(reason, int((good & bad).sum()))
            good &= ~bad
    rejected.saw(rows)
    rejected.check()
    return good


def _titles(item: EventColumn, title: EventColumn, rows: np.ndarray) -> dict[str, str]:
    assert item.keys is not None
    assert title.keys is not None
    many = len(title.keys)
    pairs = item.values[rows] * many + title.values[rows]
    # The last row of each pair, in the order of the rows.
    distinct, last = np.unique(pairs[::-1], return_index=True)
    found = {}
    for pair in distinct[np.argsort(-last)].tolist():
        text = title.keys[pair % many]
        if text:
            found[item.keys[pair // many]] = text
    return found
