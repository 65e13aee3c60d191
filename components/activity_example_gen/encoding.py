"""Serialises timelines as tf.train.Examples, column by column.

The encoder of tfx_bsl writes the features in the order of a hash map, which differs
from run to run. Here they are in the order of their names, so that the same events
give the same bytes. Layout: tensorflow/core/example/{example,feature}.proto and
https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ondevice_rec.components.activity_example_gen import parsing

# Field tags of Feature's kinds; each is a message.
BYTES = b"\x0a"
FLOATS = b"\x12"
INTS = b"\x1a"
_FIELD_1 = b"\x0a"
_FIELD_2 = b"\x12"


@dataclasses.dataclass
class Column:
    """Values of a feature as they stand in a serialised list, for each event.

    Attributes:
      name: The feature's name.
      kind: BYTES, FLOATS or INTS.
      values: large_binary, one entry per distinct value.
      codes: Entry of each event; None if entry i is event i's.
    """

    name: str
    kind: bytes
    values: pa.Array
    codes: np.ndarray | None = None

    def lists(self, events: np.ndarray, bounds: np.ndarray) -> Lists:
        """Returns the lists of the rows that `bounds` divides `events` into."""
        codes = events if self.codes is None else self.codes[events]
        taken = self.values.take(pa.array(codes))
        offsets, data = _buffers(taken)
        return Lists(self.name, self.kind, data, offsets[bounds])


@dataclasses.dataclass
class Lists:
    """A feature of all rows: row i's list is `data[bounds[i]:bounds[i + 1]]`."""

    name: str
    kind: bytes
    data: bytes
    bounds: np.ndarray


def int_column(name: str, values: np.ndarray) -> Column:
    """Encodes one int64 per event."""
    return Column(name, INTS, varints(values))


def columns(name: str, lengths_name: str, values: pa.Array) -> list[Column]:
    """Encodes a parsed feature.

    Args:
      name: The feature's name.
      lengths_name: Name of the feature for the numbers of values, for lists.
      values: Strings, int64, float32, or lists of them; one entry per event, or per
        distinct value if the caller sets `codes`.
    """
    if not pa.types.is_list(values.type):
        return [_single(name, values)]
    lengths = parsing.numpy_of(values.value_lengths()).astype(np.int64)
    flat = _single(name, values.flatten())
    inner = (
        flat.values if flat.codes is None else flat.values.take(pa.array(flat.codes))
    )
    offsets, data = _buffers(inner)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    return [
        Column(name, flat.kind, _binary(offsets[ends], data)),
        int_column(lengths_name, lengths),
    ]


def _single(name: str, values: pa.Array) -> Column:
    if pa.types.is_int64(values.type):
        return int_column(name, parsing.numpy_of(values))
    if pa.types.is_float32(values.type):
        offsets = np.arange(len(values) + 1) * 4
        data = parsing.numpy_of(values).astype("<f4").tobytes()
        return Column(name, FLOATS, _binary(offsets, data))
    found = values.dictionary_encode()
    return bytes_column(name, found.dictionary, parsing.numpy_of(found.indices))


def bytes_column(name: str, values: pa.Array, codes: np.ndarray | None) -> Column:
    """Encodes strings: the distinct ones, and the one of each event."""
    entries = []
    for value in values.cast(pa.binary()).to_pylist():
        entries.append(_FIELD_1 + varint(len(value)) + value)
    return Column(name, BYTES, pa.array(entries, pa.large_binary()), codes)


def varint(value: int) -> bytes:
    """Encodes one non-negative number."""
    if value < len(_VARINTS):
        return _VARINTS[value]
    return bytes((value & 0x7F | 0x80,)) + varint(value >> 7)


# Most lengths are short, and there are a dozen in an Example.
_VARINTS = [bytes((value,)) for value in range(1 << 7)]
_VARINTS += [bytes((i & 0x7F | 0x80, i >> 7)) for i in range(1 << 7, 1 << 14)]


def varints(values: np.ndarray) -> pa.Array:
    """Encodes int64 numbers, negative ones in ten bytes: large_binary."""
    rest = values.astype(np.int64).view(np.uint64)
    sizes = np.ones(len(rest), np.int64)
    for shift in range(7, 64, 7):
        longer = rest >= np.uint64(1 << shift)
        if not longer.any():
            break
        sizes += longer
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    data = np.zeros(offsets[-1], np.uint8)
    for i in range(int(sizes.max(initial=0))):
        rows = np.flatnonzero(sizes > i)
        more = (sizes[rows] > i + 1).astype(np.uint8) << 7
        low = (rest[rows] >> np.uint64(7 * i)).astype(np.uint8) & 0x7F
        data[offsets[rows] + i] = low | more
    return _binary(offsets, data.tobytes())


def examples(features: Sequence[Lists], num_rows: int) -> list[bytes]:
    """Serialises rows as tf.train.Examples, features in the order of their names."""
    prepared = []
    for lists in sorted(features, key=lambda lists: lists.name):
        name = lists.name.encode()
        key = _FIELD_1 + varint(len(name)) + name + _FIELD_2
        packed = lists.kind != BYTES
        prepared.append((key, lists.kind, packed, lists.data, lists.bounds.tolist()))
    found = []
    for row in range(num_rows):
        parts: list[bytes] = []
        for key, kind, packed, data, bounds in prepared:
            values = data[bounds[row] : bounds[row + 1]]
            head = b""
            if packed and values:
                head = _FIELD_1 + varint(len(values))
            head = kind + varint(len(head) + len(values)) + head
            size = len(head) + len(values)
            head = key + varint(size) + head
            size = len(head) + len(values)
            parts += (_FIELD_1, varint(size), head, values)
        body = b"".join(parts)
        found.append(_FIELD_1 + varint(len(body)) + body)
    return found


def _binary(offsets: np.ndarray, data: bytes) -> pa.Array:
    buffers = [None, pa.py_buffer(offsets.astype(np.int64)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def _buffers(array: pa.Array) -> tuple[np.ndarray, bytes]:
    """Returns the offsets and the bytes of a large_binary array."""
    _, offsets, data = array.buffers()
    found = np.frombuffer(offsets, np.int64)[
        array.offset : array.offset + len(array) + 1
    ]
    if not len(found):
        found = np.zeros(1, np.int64)
    return found, data.to_pybytes() if data is not None else b""
