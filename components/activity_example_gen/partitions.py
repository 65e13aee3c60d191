"""Spreads events over partitions by user, as Arrow IPC messages."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from ondevice_rec.components.activity_example_gen import parsing, rows

_PARTITION_BYTES = 8 << 20
_MOST_PARTITIONS = 1000


def number_for(input_bytes: int) -> int:
    """Returns the number of partitions, and of shards, for a log of this size."""
    return min(max(-(-input_bytes // _PARTITION_BYTES), 1), _MOST_PARTITIONS)


def divide(events: pa.Table, num_partitions: int) -> Iterator[tuple[int, bytes]]:
    """Divides a block's events; all of a user go to the same partition.

    Args:
      events: Table with the columns of `rows`.
      num_partitions: Number of partitions.

    Yields:
      Partition and the events in it, in their order.
    """
    if not events.num_rows:
        return
    user = events.column(rows.USER).combine_chunks()
    user = user.chunk(0) if isinstance(user, pa.ChunkedArray) else user
    hashes = [zlib.crc32(key.encode()) for key in user.dictionary.to_pylist()]
    by_user = (np.array(hashes, np.uint64) % np.uint64(num_partitions)).astype(
        np.uint16
    )
    partition = by_user[parsing.numpy_of(user.indices)]
    order = np.argsort(partition, kind="stable")
    plain = pa.table(
        {
            name: _decoded(column, pa.array(order))
            for name, column in zip(events.column_names, events.columns, strict=True)
        }
    )
    ends = np.cumsum(np.bincount(partition, minlength=num_partitions))
    start = 0
    for number, end in enumerate(ends.tolist()):
        if end > start:
            yield number, message(plain.slice(start, end - start))
        start = end


def _decoded(column: pa.ChunkedArray, order: pa.Array) -> pa.ChunkedArray:
    taken = column.take(order)
    if pa.types.is_dictionary(taken.type):
        return taken.cast(taken.type.value_type)
    return taken


def message(table: pa.Table) -> bytes:
    """Packs a table as a compressed Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def read_message(packed: bytes) -> pa.Table:
    """Returns the table of a message."""
    with pa.ipc.open_stream(packed) as reader:
        return reader.read_all()
