"""Columns of a log of activity as keys, numbers, moments and lists of them.

Every function takes a column as its reader yields it and returns what it holds and its
flaws: reasons, with the rows (bool mask) that cannot be used for them.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ondevice_rec.recommendation.spec import FeatureType

Flaws = dict[str, np.ndarray]

_STRING, _FLOAT = FeatureType.Value("STRING"), FeatureType.Value("FLOAT")
# Before pandas 2 every date is parsed for itself; since then the first one decides.
_ISO_8601 = {"format": "ISO8601"} if int(pd.__version__.split(".")[0]) >= 2 else {}
_DATE = r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}"


@dataclasses.dataclass(frozen=True)
class EventColumn:
    """Values of events.

    Attributes:
      values: int64 codes of `keys`, or float32; one per event, or as many as `lengths`
        say.
      keys: What the codes stand for; None for numbers. An empty key is no value.
      lengths: int64 `[events]` where events have several values.
    """

    values: np.ndarray
    keys: list[str] | None = None
    lengths: np.ndarray | None = None

    def take(self, events: np.ndarray) -> EventColumn:
        """The values of these events (indices), in this order."""
        if self.lengths is None:
            return dataclasses.replace(self, values=self.values[events])
        starts = np.cumsum(self.lengths) - self.lengths
        lengths = self.lengths[events]
        firsts = np.cumsum(lengths) - lengths
        places = np.repeat(starts[events] - firsts, lengths) + np.arange(lengths.sum())
        return dataclasses.replace(self, values=self.values[places], lengths=lengths)


class Moments(NamedTuple):
    """When events happened: what orders them, and int64 (dates: Unix milliseconds)."""

    order: np.ndarray
    timestamp: np.ndarray


def arrow(values: pd.Series) -> pa.Array:
    """A column of a data frame; values of several types become text."""
    try:
        found = pa.Array.from_pandas(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        found = pa.Array.from_pandas(
            values.map(lambda value: None if value is None else str(value))
        )
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def keys(array: pa.Array, name: str, required: bool) -> tuple[EventColumn, Flaws]:
    """Keys: text as it is written; whole numbers without a point.

    Args:
      array: Any column of single values.
      name: Of the column.
      required: Whether an empty key is a flaw.
    """
    codes, distinct = _encoded(array)
    texts, unreadable, control = [], [], []
    for value in distinct:
        try:
            text = value.decode() if isinstance(value, bytes) else value or ""
        except UnicodeDecodeError:
            text = ""
            unreadable.append(True)
        else:
            unreadable.append(False)
        texts.append(text)
        control.append(any(ord(char) < 32 or ord(char) == 127 for char in text))
    empty = np.array([not text for text in texts], bool)
    flaws = {f"`{name}` is not UTF-8": np.array(unreadable, bool)[codes]}
    # A vocabulary file has one key a line.
    flaws[f"`{name}` has control characters"] = np.array(control, bool)[codes]
    if required:
        flaws[f"`{name}` is empty"] = (empty & ~np.array(unreadable, bool))[codes]
    return EventColumn(codes, texts), flaws


def numbers(array: pa.Array, name: str) -> tuple[EventColumn, Flaws]:
    """Finite numbers, as float32."""
    found = _numeric(array)
    with np.errstate(invalid="ignore", over="ignore"):
        values = found.astype(np.float32)
    bad = ~np.isfinite(values)
    return EventColumn(np.where(bad, np.float32(0), values)), {
        f"`{name}` is no number": bad
    }


def moments(array: pa.Array, name: str) -> tuple[Moments, Flaws]:
    """Numbers >= 0, kept as they are, or ISO 8601 dates, as Unix milliseconds.

    What most of the column holds decides which of the two it is.
    """
    if _has_dates(array):
        return _dates(array, name)
    order = _numeric(array)
    with np.errstate(invalid="ignore"):
        bad = ~((order >= 0) & (order < 2.0**63))
    if bad.any():
        good = np.zeros(len(order), np.int64)
        # Without the bad ones whole numbers stay exact.
        kept = _numeric(array.filter(pa.array(~bad)))
        order = good.astype(kept.dtype)
        order[~bad] = kept
    return Moments(order, order.astype(np.int64)), {f"`{name}` is no moment": bad}


def _dates(array: pa.Array, name: str) -> tuple[Moments, Flaws]:
    if _is_text(array.type):
        looks = pc.match_substring_regex(array, _DATE).fill_null(False)
        texts = pc.if_else(looks, array, pa.scalar(None, array.type))
        dates = texts.to_pandas().map(_text, na_action="ignore")
        dates = pd.to_datetime(dates, errors="coerce", utc=True, **_ISO_8601)
    else:
        dates = pd.to_datetime(array.to_pandas(), utc=True)
    bad = dates.isna().to_numpy()
    nanoseconds = dates.dt.tz_localize(None).to_numpy("datetime64[ns]").view("i8")
    order = np.where(bad, 0, nanoseconds)
    return Moments(order, order // 1_000_000), {f"`{name}` is no date": bad}


def several(
    array: pa.Array, name: str, feature_type: int, separator: str | None
) -> tuple[EventColumn, Flaws]:
    """Several values per event: a list, or text with a separator between them."""
    if not _is_list(array.type):
        codes, distinct = _encoded(array)
        # Values between two separators that are empty are none.
        parts = pa.array(
            [
                [part for part in _text(value).split(separator) if part]
                for value in distinct
            ],
            pa.list_(pa.string()),
        )
        array = parts.take(pa.array(codes))
    lengths = pc.list_value_length(array).fill_null(0)
    lengths = lengths.to_numpy(zero_copy_only=False).astype(np.int64)
    # Unlike `values`, `flatten` leaves out what stands under null lists.
    column, flaws = single(array.flatten(), name, feature_type)
    rows = np.repeat(np.arange(len(array)), lengths)
    return dataclasses.replace(column, lengths=lengths), {
        reason: np.bincount(rows[bad], minlength=len(array)) > 0
        for reason, bad in flaws.items()
    }


def single(array: pa.Array, name: str, feature_type: int) -> tuple[EventColumn, Flaws]:
    """One value per event: keys for STRING and INT, numbers for FLOAT."""
    if feature_type == _FLOAT:
        return numbers(array, name)
    return keys(array, name, required=False)


def feature(
    array: pa.Array, name: str, feature_type: int, separator: str | None
) -> tuple[EventColumn, Flaws]:
    """A feature's column; lists, and text with a separator, have several values."""
    if separator is not None or _is_list(array.type):
        return several(array, name, feature_type, separator)
    return single(array, name, feature_type)


def _encoded(array: pa.Array) -> tuple[np.ndarray, list[bytes | str | None]]:
    """Codes, int64, and what they stand for."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_floating(array.type):
        # Missing values make whole numbers floats in a data frame.
        values = array.to_numpy(zero_copy_only=False)
        present = values[np.isfinite(values)]
        if np.all(present == np.floor(present)) and np.all(np.abs(present) < 2.0**53):
            array = pa.array(
                np.where(np.isfinite(values), values, 0).astype(np.int64),
                mask=~np.isfinite(values),
            )
    if not _is_text(array.type):
        array = array.cast(pa.string())
    found = array.dictionary_encode()
    distinct: list[bytes | str | None] = found.dictionary.to_pylist()
    codes = found.indices.fill_null(len(distinct)).to_numpy(zero_copy_only=False)
    return codes.astype(np.int64), [*distinct, None]


def _text(value: bytes | str | None) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value or ""


def _numeric(array: pa.Array) -> np.ndarray:
    """int64 where every value is whole, else float64 with NaN for what is no number."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if _is_text(array.type):
        values = array.to_pandas()
        if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
            values = values.map(_text)
        numeric = pd.to_numeric(values, errors="coerce")
    else:
        numeric = pd.to_numeric(array.to_pandas(), errors="coerce")
    if numeric.dtype.kind == "i":
        return numeric.to_numpy(np.int64)
    return numeric.to_numpy(np.float64)


def _has_dates(array: pa.Array) -> bool:
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        return True
    if not _is_text(array.type):
        return False
    matches = pc.match_substring_regex(array.drop_null(), _DATE)
    return 2 * int(pc.sum(matches).as_py() or 0) > len(matches)


def _is_text(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)
