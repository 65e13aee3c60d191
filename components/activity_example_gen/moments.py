"""Parses when events happened.

A log has either numbers, kept as they are, or dates, kept as Unix milliseconds. Both
in one log would compare seconds with dates, so the first rows decide which it is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ondevice_rec.components.activity_example_gen import parsing
from ondevice_rec.components.activity_example_gen.parsing import Flaw

NUMBERS = "numbers"
DATES = "dates"

_ZONE = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[T ][0-9]{2}:[0-9]{2}"
# Above it, float64 cannot be converted to int64.
_LARGEST = 2.0**63


class Moments(NamedTuple):
    """When events happened.

    Attributes:
      values: int64, whole units or milliseconds.
      fractions: float64 in [0, 1), the rest, for ordering only; None if all are 0.
      flaws: Rows that cannot be used.
    """

    values: np.ndarray
    fractions: np.ndarray | None
    flaws: list[Flaw]


def kind_of(array: pa.Array) -> str:
    """Says whether a column has numbers or dates; numbers if neither."""
    kind = array.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return DATES
    if not parsing.is_text(kind):
        return NUMBERS
    texts = parsing.cast_or_null(array, pa.string()).drop_null()
    dates = parsing.booleans(pc.match_substring_regex(texts, r"^\s*" + _DATE[1:]))
    return DATES if 2 * dates.sum() > len(dates) else NUMBERS


def parse(array: pa.Array, column: str, kind: str) -> Moments:
    """Parses a timestamp column.

    Args:
      array: Numbers, dates, timestamps, or strings of either.
      column: Its name.
      kind: NUMBERS or DATES; values of the other kind are flaws.
    """
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    typed = not parsing.is_text(array.type)
    rest: np.ndarray | None
    if kind == DATES:
        micros = _micros(array) if not typed or kind_of(array) == DATES else None
        if micros is None:
            micros = pa.nulls(len(array), pa.int64())
        bad = parsing.booleans(micros.is_null())
        whole = parsing.numpy_of(micros.fill_null(0))
        values, rest = whole // 1000, (whole % 1000) / 1000.0
    else:
        if typed and kind_of(array) == DATES:
            array = pa.nulls(len(array), pa.int64())
        values, rest, bad = _numbers(array)
    flaws = []
    if bad.any():
        flaws.append(Flaw(f"unparsable `{column}`", bad))
    negative = (values < 0) & ~bad
    if negative.any():
        flaws.append(Flaw(f"negative `{column}`", negative))
    return Moments(values, rest if rest is not None and rest.any() else None, flaws)


def moment(text: str, kind: str) -> tuple[int, float] | None:
    """Parses one moment, e.g. of the configuration; None if it is none."""
    parsed = parse(pa.array([text]), "", kind)
    if parsed.flaws:
        return None
    rest = 0.0 if parsed.fractions is None else float(parsed.fractions[0])
    return int(parsed.values[0]), rest


def _numbers(array: pa.Array) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Returns whole parts, fractions, and which are no numbers."""
    if not (pa.types.is_floating(array.type) or pa.types.is_decimal(array.type)):
        try:
            whole = array.cast(pa.string()) if parsing.is_text(array.type) else array
            whole = whole.cast(pa.int64())
            if not whole.null_count:
                return parsing.numpy_of(whole), None, np.zeros(len(array), bool)
        except pa.ArrowInvalid:
            pass
    floats = parsing.numpy_of(parsing.numbers(array, pa.float64()).fill_null(np.nan))
    with np.errstate(invalid="ignore"):
        good = np.abs(floats) < _LARGEST
    floors = np.floor(np.where(good, floats, 0.0))
    values = floors.astype(np.int64)
    rest = np.where(good, floats - floors, 0.0)
    if parsing.is_text(array.type):
        # float64 is exact up to 2**53 only; nanoseconds are larger.
        texts = pc.utf8_trim_whitespace(parsing.cast_or_null(array, pa.string()))
        digits = parsing.booleans(pc.match_substring_regex(texts, r"^-?[0-9]{1,18}$"))
        exact = texts.filter(pa.array(digits)).cast(pa.int64())
        values[digits] = parsing.numpy_of(exact)
        rest[digits] = 0.0
    elif pa.types.is_integer(array.type):
        exact = parsing.cast_or_null(array, pa.int64())
        good &= ~parsing.booleans(exact.is_null())
        values = parsing.numpy_of(exact.fill_null(0))
    return values, rest, ~good


def _micros(array: pa.Array) -> pa.Array:
    """Parses dates and timestamps to Unix microseconds; null where there is none."""
    if not parsing.is_text(array.type):
        if pa.types.is_timestamp(array.type):
            # Nanoseconds are floored: events keep their order to the microsecond.
            target = pa.timestamp("us", tz=array.type.tz)
            return array.cast(target, safe=False).cast(pa.int64())
        days = array.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
        return pc.multiply(days, 86_400_000_000)
    texts = pc.utf8_trim_whitespace(parsing.cast_or_null(array, pa.string()))
    # More digits than microseconds have are cut.
    texts = pc.replace_substring_regex(texts, r"[.,]([0-9]{1,6})[0-9]*", r".\1")
    shaped = parsing.booleans(
        pc.match_substring_regex(
            texts, f"{_DATE}({_TIME}(:[0-9]{{2}}(\\.[0-9]+)?)?({_ZONE[:-1]})?)?$"
        )
    )
    zoned = shaped & parsing.booleans(
        pc.match_substring_regex(texts, _TIME + ".*" + _ZONE)
    )
    found = np.zeros(len(array), np.int64)
    missing = ~shaped
    for rows, target in (
        (zoned, pa.timestamp("us", tz="UTC")),
        (shaped & ~zoned, pa.timestamp("us")),
    ):
        if not rows.any():
            continue
        parsed = parsing.cast_or_null(texts.filter(pa.array(rows)), target)
        parsed = parsed.cast(pa.int64())
        found[rows] = parsing.numpy_of(parsed.fill_null(0))
        missing[rows] = parsing.booleans(parsed.is_null())
    return pa.array(found, mask=missing)
