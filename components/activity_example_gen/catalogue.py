"""Reads the item catalogue and joins it to events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ondevice_rec.components.activity_example_gen import (
    encoding,
    files,
    parsing,
    reading,
)
from ondevice_rec.schemas import input_spec_pb2, timeline
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2

FILE = "items.parquet"
ITEM = "item"
TITLE = "title"

_ARROW_TYPES = {
    input_spec_pb2.STRING: pa.string(),
    input_spec_pb2.INT: pa.int64(),
    input_spec_pb2.FLOAT: pa.float32(),
}


class Items(NamedTuple):
    """A catalogue.

    Attributes:
      table: Columns `item` (unique), `title`, then the features, in their order.
      counts: Rows read, rejected by reason, and repeated keys, for the report.
    """

    table: pa.Table
    counts: dict[str, object]


def arrow_type(source: config_pb2.SourceColumn) -> pa.DataType:
    """Returns the type of a parsed feature."""
    kind = _ARROW_TYPES[source.type]
    return pa.list_(kind) if source.HasField("separator") else kind


def read(catalogue: config_pb2.Catalogue | None) -> Items:
    """Reads the catalogue; without one, there are no items.

    The first row of an item counts. A title that is missing is the item's key.

    Raises:
      IngestionError: It cannot be read.
    """
    features = [] if catalogue is None else list(catalogue.features)
    schema = pa.schema(
        [(ITEM, pa.string()), (TITLE, pa.string())]
        + [(source.column, arrow_type(source)) for source in features]
    )
    if catalogue is None:
        return Items(schema.empty_table(), {})
    rejected: dict[str, int] = {}
    tables = [schema.empty_table()]
    rows_read = 0
    for path in files.list_files(catalogue.path):
        for block in reading.read_catalogue(path, catalogue):
            rows_read += block.rows_read
            tables.append(_parse(block, catalogue, schema, rejected))
    table = pa.concat_tables(tables).combine_chunks()
    keys = table[ITEM].combine_chunks()
    codes = parsing.numpy_of(pc.index_in(keys, value_set=keys.unique()))
    _, first = np.unique(codes, return_index=True)
    repeated = table.num_rows - len(first)
    table = table.take(pa.array(first))
    return Items(
        table,
        {
            "rows_read": rows_read,
            "rejected": rejected,
            "repeated": repeated,
            "items": table.num_rows,
        },
    )


def _parse(
    block: reading.Block,
    catalogue: config_pb2.Catalogue,
    schema: pa.Schema,
    rejected: dict[str, int],
) -> pa.Table:
    keys, flaws = parsing.keys(block.columns[catalogue.item], catalogue.item)
    item = keys.cast(pa.string())
    title = item
    if catalogue.HasField("title"):
        titles, found = parsing.strings(block.columns[catalogue.title], catalogue.title)
        flaws += found
        title = titles.cast(pa.string())
        title = pc.if_else(pc.equal(title, ""), item, title)
    columns = [item, title]
    for source in catalogue.features:
        values, found = parsing.feature(
            block.columns[source.column],
            source.column,
            source.type,
            source.separator if source.HasField("separator") else None,
        )
        flaws += found
        is_coded = pa.types.is_dictionary(values.type)
        columns.append(values.cast(pa.string()) if is_coded else values)
    bad = np.zeros(block.num_rows, bool)
    for reason, flawed in flaws:
        number = int((flawed & ~bad).sum())
        if number:
            rejected[reason] = rejected.get(reason, 0) + number
        bad |= flawed
    for rejection in block.ragged:
        rejected[rejection.reason] = rejected.get(rejection.reason, 0) + 1
    return pa.table(columns, schema=schema).filter(pa.array(~bad))


def write(table: pa.Table, path: str) -> None:
    """Writes `items.parquet`."""
    with files.fileio.open(path, "wb") as stream:
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        stream.write(sink.getvalue().to_pybytes())


def load(path: str) -> pa.Table:
    """Reads `items.parquet`."""
    with files.open_binary(path) as stream:
        return pq.read_table(pa.BufferReader(stream.read())).combine_chunks()


def columns(
    table: pa.Table, items: pa.Array, item_codes: np.ndarray
) -> tuple[list[encoding.Column], np.ndarray]:
    """Looks the events' items up.

    Args:
      table: The catalogue.
      items: Distinct keys: string.
      item_codes: Index in `items` of each event.

    Returns:
      The catalogue's features for each event (empty or 0 where it lacks the item), and
      whether it has the item: bool [items].
    """
    names = table.column_names[2:]
    found = pc.index_in(items, value_set=_array(table[ITEM]))
    known = ~parsing.booleans(found.is_null())
    # Items that are missing have the row after the last.
    codes = parsing.numpy_of(found.fill_null(table.num_rows))[item_codes]
    encoded = []
    for name in names:
        values = pa.concat_arrays([_array(table[name]), _nothing(table[name].type)])
        lengths_name = name + timeline.LENGTHS_SUFFIX
        for column in encoding.columns(name, lengths_name, values):
            column.codes = codes if column.codes is None else column.codes[codes]
            encoded.append(column)
    return encoded, known


def _array(column: pa.ChunkedArray) -> pa.Array:
    return (
        pa.concat_arrays(column.chunks)
        if column.num_chunks
        else pa.array([], column.type)
    )


def _nothing(kind: pa.DataType) -> pa.Array:
    empty: Sequence[object] = [[]]
    if pa.types.is_string(kind):
        empty = [""]
    elif not pa.types.is_list(kind):
        empty = [0]
    return pa.array(empty, kind)
