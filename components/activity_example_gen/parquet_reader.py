"""Reads Parquet files in blocks of columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from ondevice_rec.components.activity_example_gen.block import TEXT_LENGTH, Block
from ondevice_rec.schemas import log_files
from ondevice_rec.schemas.log_files import IngestionError

BLOCK_ROWS = 1 << 18


def read(
    path: str,
    stream: BinaryIO,
    needed: Sequence[str],
    allowed: Mapping[str, str],
    block_rows: int = BLOCK_ROWS,
) -> Iterator[Block]:
    """Reads a file.

    Args:
      path: The file's name, for messages.
      stream: Its bytes.
      needed: Names of the columns to return, in the types of the file.
      allowed: Kind of values by column, see `KINDS`.
      block_rows: Rows of a block.

    Yields:
      Blocks in the order of the file.

    Raises:
      IngestionError: The file is damaged, lacks a column or has it in a wrong type.
    """
    try:
        file = pq.ParquetFile(stream)
    except (pa.ArrowInvalid, OSError) as error:
        raise IngestionError(
            f"{path} is no intact Parquet file ({str(error).splitlines()[0]}). Write "
            "it again, or set `format` to what it is."
        ) from error
    schema = file.schema_arrow
    log_files.require_columns(path, schema.names, needed)
    for column in needed:
        _require_type(path, column, schema.field(column).type, allowed[column])
    number = 1
    for batch in file.iter_batches(batch_size=block_rows, columns=list(needed)):
        columns = {name: batch.column(schema_index(batch, name)) for name in needed}
        yield rows_block(columns, batch.num_rows, number)
        number += batch.num_rows


def schema_index(batch: pa.RecordBatch, name: str) -> int:
    """Returns the position of a column in a batch."""
    return batch.schema.get_field_index(name)


def rows_block(columns: dict[str, pa.Array], num_rows: int, first: int) -> Block:
    """Makes a block of rows that have no text of their own; shows them as JSON."""

    def text(row: int) -> str:
        values = {name: column[row].as_py() for name, column in columns.items()}
        return json.dumps(values, default=_shown, ensure_ascii=False)[:TEXT_LENGTH]

    return Block(columns, num_rows, lambda row: first + row, text, [])


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


# What a column must hold, by how it is used.
KINDS = {
    "key": "strings or whole numbers",
    "STRING": "strings or whole numbers",
    "INT": "whole numbers or strings that are",
    "FLOAT": "numbers or strings that are",
    "timestamp": "whole numbers, floating-point numbers, timestamps, dates or strings",
}


def _require_type(path: str, column: str, found: pa.DataType, kind: str) -> None:
    kind, several = kind.removesuffix("*"), kind.endswith("*")
    value = found
    if pa.types.is_list(value) or pa.types.is_large_list(value):
        if not several:
            raise IngestionError(
                f"Column `{column}` of {path} has the type {found}, several values a "
                "row. Set `separator` on a feature column to say so; keys, times and "
                "ratings must be single values."
            )
        value = value.value_type
    if pa.types.is_dictionary(value):
        value = value.value_type
    if not _fits(value, kind):
        raise IngestionError(
            f"Column `{column}` of {path} has the type {found}; allowed are "
            f"{KINDS[kind]}. Cast it when writing the file, or name another column."
        )


def _fits(found: pa.DataType, kind: str) -> bool:
    types = pa.types
    text = any(
        test(found)
        for test in (
            types.is_string,
            types.is_large_string,
            types.is_binary,
            types.is_large_binary,
        )
    )
    if text or types.is_integer(found):
        return True
    if kind == "timestamp":
        return (
            types.is_floating(found)
            or types.is_timestamp(found)
            or types.is_date(found)
        )
    if kind == "FLOAT":
        return types.is_floating(found) or types.is_decimal(found)
    return kind == "INT" and types.is_boolean(found)
