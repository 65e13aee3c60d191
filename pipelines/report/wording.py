"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ondevice_rec.lineage import wording

NONE = "–"  # noqa: RUF001


def count(value: float | None) -> str:
    """A count, with separators."""
    return NONE if value is None else f"{int(value):,}"


def metric(value: float | None, digits: int = 4) -> str:
    """A metric; a dash for one that is no number."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:.{digits}f}"


def interval(ends: Sequence[float | None] | None, digits: int = 4) -> str:
    """The ends of an interval."""
    if not ends or any(end is None for end in ends):
        return ""
    return " to ".join(metric(end, digits) for end in ends)


def percent(value: float | None, digits: int = 1) -> str:
    """A share."""
    return NONE if value is None else f"{value:.{digits}%}"


def size(value: float | None) -> str:
    """Bytes."""
    if value is None:
        return NONE
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.0f} bytes"


def microseconds(value: float | None) -> str:
    """A short time."""
    if value is None:
        return NONE
    if value >= 1e4:
        return f"{value / 1e3:,.0f} ms"
    if value >= 1e3:
        return f"{value / 1e3:.1f} ms"
    return f"{value:.0f} µs"


def seconds(value: float | None) -> str:
    """A time."""
    if value is None:
        return NONE
    if value < 1:
        return f"{value:.2f} s"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def moment(milliseconds: int) -> str:
    """A time in UTC."""
    return wording.moment(milliseconds)


def sentence(text: str) -> str:
    """The text with a capital letter first and a full stop last."""
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""


FILTERS = {
    function.__name__: function
    for function in (
        count,
        metric,
        interval,
        percent,
        size,
        microseconds,
        seconds,
        moment,
        sentence,
    )
} | {"value": wording.value}
