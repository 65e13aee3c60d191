"""Turns the rows of a log into events, and says which rows are none."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ondevice_rec.components.activity_example_gen import moments, parsing
from ondevice_rec.components.activity_example_gen.block import Block, Rejection
from ondevice_rec.components.activity_example_gen.parsing import Flaw
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2

# Columns of the tables in which events travel; features follow as `event_0`, `user_0`.
USER = "user"
ITEM = "item"
TIMESTAMP = "timestamp"
FRACTION = "fraction"
RATING = "rating"
EVENT_FEATURE = "event_"
USER_FEATURE = "user_"

SAMPLES = 10


class Rows(NamedTuple):
    """What became of the rows of a block.

    Attributes:
      events: Table of the usable ones, in their order.
      rejected: Number of the others by reason.
      samples: Up to `SAMPLES` of them for each reason, the first ones.
    """

    events: pa.Table
    rejected: dict[str, int]
    samples: dict[str, list[Rejection]]


def parse(
    block: Block,
    log: config_pb2.ActivityLog,
    filters: config_pb2.Filters,
    timestamps: str,
) -> Rows:
    """Parses a block.

    Args:
      block: Rows with the columns of `log_files.log_columns`.
      log: What the columns mean.
      filters: Says whether ratings are read.
      timestamps: `moments.NUMBERS` or `moments.DATES`.
    """
    columns: dict[str, pa.Array] = {}
    columns[USER], flaws = parsing.keys(block.columns[log.user], log.user)
    columns[ITEM], found = parsing.keys(block.columns[log.item], log.item)
    flaws += found
    when = moments.parse(block.columns[log.timestamp], log.timestamp, timestamps)
    flaws += when.flaws
    columns[TIMESTAMP] = pa.array(when.values)
    if when.fractions is not None:
        columns[FRACTION] = pa.array(when.fractions)
    if filters.HasField("min_rating"):
        ratings = block.columns[filters.rating]
        columns[RATING], found = parsing.floats(ratings, filters.rating, pa.float64())
        flaws += found
    for prefix, features in (
        (EVENT_FEATURE, log.features),
        (USER_FEATURE, log.user_features),
    ):
        for i, source in enumerate(features):
            columns[f"{prefix}{i}"], found = parsing.feature(
                block.columns[source.column],
                source.column,
                source.type,
                source.separator if source.HasField("separator") else None,
            )
            flaws += found
    return _without(block, pa.table(columns), flaws)


def _without(block: Block, events: pa.Table, flaws: list[Flaw]) -> Rows:
    rejected: dict[str, int] = {}
    samples: dict[str, list[Rejection]] = {}
    bad = np.zeros(block.num_rows, bool)
    for reason, flawed in flaws:
        # A row counts once, for its first flaw.
        rows = np.flatnonzero(flawed & ~bad)
        if len(rows):
            rejected[reason] = rejected.get(reason, 0) + len(rows)
            samples.setdefault(reason, []).extend(
                Rejection(reason, block.number(row), block.text(row))
                for row in rows[:SAMPLES].tolist()
            )
            bad |= flawed
    for rejection in block.ragged:
        reason = rejection.reason
        rejected[reason] = rejected.get(reason, 0) + 1
        if len(samples.setdefault(reason, [])) < SAMPLES:
            samples[reason].append(rejection)
    if bad.any():
        events = events.filter(pa.array(~bad))
    return Rows(events, rejected, samples)
