"""Which spans an execution reads, told in TFX's RangeConfig."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tfx.dsl.io import fileio
from tfx.proto import range_config_pb2

from ondevice_rec.components.activity_example_gen import files
from ondevice_rec.schemas import log_check, log_spans
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2
from ondevice_rec.schemas.log_spans import Span

# RangeConfig has no "all": more than there will ever be.
_ALL = 2**31 - 1


def of(
    log: config_pb2.ActivityLog, span: int | None = None
) -> range_config_pb2.RangeConfig | None:
    """The spans that a configuration asks for.

    Args:
      log: The log, with its window.
      span: The last span; None: the latest there is.
    """
    if not log_spans.has_spans(log.path):
        return None
    most = log_check.width(log)
    found = range_config_pb2.RangeConfig()
    if span is None:
        found.rolling_range.num_spans = most or _ALL
    else:
        found.static_range.start_span_number = max(span - most + 1, 0) if most else 0
        found.static_range.end_span_number = span
    return found


def spans(
    log: config_pb2.ActivityLog, asked: range_config_pb2.RangeConfig | None
) -> list[Span]:
    """The spans there are of a range, ascending; None asks for the latest one.

    Raises:
      IngestionError: there is none, or not the one that the range ends with.
    """
    first, last, most = None, None, 1
    if asked is not None and asked.HasField("static_range"):
        first = asked.static_range.start_span_number
        last, most = asked.static_range.end_span_number, 0
    elif asked is not None and asked.HasField("rolling_range"):
        first = asked.rolling_range.start_span_number
        most = asked.rolling_range.num_spans
    find_paths = fileio.glob if files.is_remote(log.path) else log_spans.glob.glob
    found = log_spans.find(log.path, log.window, find_paths)
    return log_spans.choose(log.path, found, first, last, most)


def static(found: Sequence[Span]) -> range_config_pb2.RangeConfig:
    """The range from the first to the last of some spans."""
    config = range_config_pb2.RangeConfig()
    config.static_range.start_span_number = found[0].number
    config.static_range.end_span_number = found[-1].number
    return config


def to_json(found: Sequence[Span]) -> str:
    """The spans as an execution property."""
    return json.dumps([[s.number, s.version, list(s.places)] for s in found])


def from_json(text: str) -> list[Span]:
    """What `to_json` wrote."""
    return [Span(n, version, tuple(places)) for n, version, places in json.loads(text)]
