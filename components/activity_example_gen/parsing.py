"""Turns columns as files have them into keys, numbers and lists.

Every function takes an array of any type a reader yields and returns the parsed array
and its flaws: reasons with the rows they hold for. Values of such rows mean nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ondevice_rec.schemas import input_spec_pb2

_LEAF = 32
_FLOAT32_MAX = float(np.finfo(np.float32).max)


class Flaw(NamedTuple):
    """Rows (bool mask) that cannot be used for one reason."""

    reason: str
    rows: np.ndarray


class Parsed(NamedTuple):
    """A column and the rows in which it cannot be used."""

    values: pa.Array
    flaws: list[Flaw]


def booleans(array: pa.Array) -> np.ndarray:
    """Converts a boolean array to numpy; null is False."""
    return np.asarray(array.fill_null(False))


def numpy_of(array: pa.Array) -> np.ndarray:
    """Converts an array without nulls to numpy."""
    return array.to_numpy(zero_copy_only=False)


def encoded(array: pa.Array) -> pa.DictionaryArray:
    """Returns the distinct values of a column and where they stand."""
    if pa.types.is_dictionary(array.type):
        # A Parquet dictionary may repeat values or hold unused ones.
        array = array.cast(array.type.value_type)
    return array.dictionary_encode()


def cast_or_null(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Casts values; those that do not fit become null and cost no other ones."""
    try:
        return array.cast(target)
    except pa.ArrowInvalid:
        pass
    if len(array) <= _LEAF:
        return pa.concat_arrays(
            [_cast_one(array[i : i + 1], target) for i in range(len(array))]
        )
    half = len(array) // 2
    return pa.concat_arrays(
        [cast_or_null(array[:half], target), cast_or_null(array[half:], target)]
    )


def _cast_one(array: pa.Array, target: pa.DataType) -> pa.Array:
    try:
        return array.cast(target)
    except pa.ArrowInvalid:
        return pa.nulls(1, target)


def is_text(kind: pa.DataType) -> bool:
    """Whether values are strings or bytes."""
    return (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


def strings(array: pa.Array, column: str) -> tuple[pa.DictionaryArray, list[Flaw]]:
    """Parses single strings as they are written; no value is the empty string."""
    codes, values, bad = _distinct_strings(array)
    flaws = []
    if bad.any():
        flaws.append(Flaw(f"`{column}` is not UTF-8", bad[codes]))
    return pa.DictionaryArray.from_arrays(codes, values), flaws


def keys(array: pa.Array, column: str) -> tuple[pa.DictionaryArray, list[Flaw]]:
    """Parses keys: strings that are neither empty nor hold control characters."""
    codes, values, bad = _distinct_strings(array)
    empty = booleans(pc.equal(values, "")) & ~bad
    control = booleans(pc.match_substring_regex(values, r"[\x00-\x1f\x7f]"))
    flaws = [
        Flaw(reason, rows[codes])
        for reason, rows in (
            (f"`{column}` is not UTF-8", bad),
            (f"`{column}` is empty", empty),
            (f"`{column}` has control characters", control),
        )
        if rows.any()
    ]
    return pa.DictionaryArray.from_arrays(codes, values), flaws


def _distinct_strings(array: pa.Array) -> tuple[np.ndarray, pa.Array, np.ndarray]:
    """Returns codes, the distinct strings, and which of them were not UTF-8."""
    if pa.types.is_null(array.type):
        array = array.cast(pa.string())
    found = encoded(array)
    codes = found.indices
    values = found.dictionary
    if codes.null_count:
        codes = codes.fill_null(len(values))
        values = pa.concat_arrays([values, pa.nulls(1, values.type)])
    missing = booleans(values.is_null())
    texts = cast_or_null(values, pa.string())
    bad = booleans(texts.is_null()) & ~missing
    return numpy_of(codes), texts.fill_null(""), bad


def numbers(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Parses numbers; what is none, missing, or does not fit becomes null."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if is_text(array.type):
        array = cast_or_null(array, pa.string())
        try:
            return array.cast(target)
        except pa.ArrowInvalid:
            array = pc.utf8_trim_whitespace(array)
            blank = pc.equal(array, "")
            array = pc.if_else(blank, pa.scalar(None, pa.string()), array)
    return cast_or_null(array, target)


def floats(array: pa.Array, column: str, target: pa.DataType) -> Parsed:
    """Parses finite floating-point numbers."""
    values = numbers(array, pa.float64())
    found = numpy_of(values.fill_null(np.nan))
    limit = _FLOAT32_MAX if target == pa.float32() else np.finfo(np.float64).max
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(found) <= limit)
    flaws = [Flaw(f"unusable `{column}`", bad)] if bad.any() else []
    if bad.any():
        found = np.where(bad, 0.0, found)
    return Parsed(pa.array(found).cast(target), flaws)


def integers(array: pa.Array, column: str) -> Parsed:
    """Parses whole numbers of 64 bits."""
    values = numbers(array, pa.int64())
    bad = booleans(values.is_null())
    flaws = [Flaw(f"unusable `{column}`", bad)] if bad.any() else []
    return Parsed(values.fill_null(0), flaws)


def feature(array: pa.Array, column: str, kind: int, separator: str | None) -> Parsed:
    """Parses a feature column.

    Args:
      array: The column.
      column: Its name.
      kind: A `FeatureType`.
      separator: What stands between several values; None for single values.

    Returns:
      Strings (dictionary-encoded), int64 or float32, or lists of string, int64 or
      float32. A missing list is empty; so is a missing string.
    """
    if separator is not None:
        return _lists(array, column, kind, separator)
    if kind == input_spec_pb2.STRING:
        return Parsed(*strings(array, column))
    if kind == input_spec_pb2.INT:
        return integers(array, column)
    return floats(array, column, pa.float32())


def _lists(array: pa.Array, column: str, kind: int, separator: str) -> Parsed:
    if not (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
        codes, texts, bad = _distinct_strings(array)
        # Values between two separators that are empty are none.
        parts = [
            [part for part in text.split(separator) if part]
            for text in texts.to_pylist()
        ]
        distinct = _list_values(pa.array(parts, pa.list_(pa.string())), column, kind)
        flaws = [Flaw(flaw.reason, flaw.rows[codes]) for flaw in distinct.flaws]
        if bad.any():
            flaws.append(Flaw(f"`{column}` is not UTF-8", bad[codes]))
        return Parsed(distinct.values.take(pa.array(codes)), flaws)
    return _list_values(array, column, kind)


def _list_values(array: pa.Array, column: str, kind: int) -> Parsed:
    lengths = numpy_of(pc.list_value_length(array).fill_null(0)).astype(np.int64)
    # Unlike `values`, `flatten` leaves out what stands under null lists.
    parsed, flaws = feature(array.flatten(), column, kind, None)
    if pa.types.is_dictionary(parsed.type):
        parsed = parsed.dictionary_decode()
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    rows = np.repeat(np.arange(len(array)), lengths)
    values = pa.ListArray.from_arrays(pa.array(offsets), parsed)
    return Parsed(
        values,
        [
            Flaw(flaw.reason, np.bincount(rows[flaw.rows], minlength=len(array)) > 0)
            for flaw in flaws
        ],
    )
