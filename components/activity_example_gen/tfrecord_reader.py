"""Reads TFRecord files of tf.train.Examples, one event each, in blocks of columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tfx_bsl.coders import example_coder

from ondevice_rec.components.activity_example_gen.block import (
    Block,
    Rejection,
    readable,
)
from ondevice_rec.components.activity_example_gen.parquet_reader import rows_block
from ondevice_rec.schemas import log_files
from ondevice_rec.schemas.log_files import IngestionError

BLOCK_ROWS = 1 << 16


def read(
    path: str,
    compressed: bool,
    needed: Sequence[str],
    several: Sequence[str],
    block_rows: int = BLOCK_ROWS,
) -> Iterator[Block]:
    """Reads a file.

    Args:
      path: The file.
      compressed: Whether it is gzip.
      needed: Names of the features to return.
      several: Those that may have several values, returned as lists.
      block_rows: Rows of a block.

    Yields:
      Blocks in the order of the file. A value that is not there is null.

    Raises:
      IngestionError: The file is damaged, or no record has one of the features.
    """
    decoder = example_coder.ExamplesToRecordBatchDecoder()
    records = tf.data.TFRecordDataset(path, "GZIP" if compressed else "")
    batches = records.batch(block_rows).as_numpy_iterator()
    number = 1
    while True:
        try:
            batch = next(batches)
        except StopIteration:
            break
        except tf.errors.OpError as error:
            raise IngestionError(
                f"{path} is a damaged or truncated TFRecord file: it could be read "
                f"only up to record {number - 1:,} or a little further. Write it "
                "again, or set `format` to what it is."
            ) from error
        block = _block(path, list(batch), number, decoder, needed, set(several))
        number += block.rows_read
        yield block
    if number == 1:
        raise log_files.empty(path)


def _block(
    path: str,
    records: list[bytes],
    first: int,
    decoder: example_coder.ExamplesToRecordBatchDecoder,
    needed: Sequence[str],
    several: set[str],
) -> Block:
    numbers = list(range(first, first + len(records)))
    rejected: list[Rejection] = []
    try:
        batch = decoder.DecodeBatch(records)
    except (RuntimeError, ValueError):
        records, numbers, rejected = _decodable(records, first)
        batch = decoder.DecodeBatch(records)
    if first == 1:
        log_files.require_columns(path, batch.schema.names, needed)
    columns: dict[str, pa.Array] = {}
    many = np.zeros(len(records), bool)
    for name in needed:
        index = batch.schema.get_field_index(name)
        lists = batch.column(index) if index >= 0 else pa.nulls(len(records))
        if pa.types.is_null(lists.type) or name in several:
            columns[name] = lists
        else:
            lengths = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
            many |= lengths > 1
            columns[name] = _first_values(lists, lengths)
    block = rows_block(columns, len(records), first)
    if not many.any() and not rejected:
        return block
    for row in many.nonzero()[0].tolist():
        rejected.append(
            Rejection("several values in one column", numbers[row], block.text(row))
        )
    keep = (~many).nonzero()[0]
    kept = {name: column.take(pa.array(keep)) for name, column in columns.items()}
    shown = rows_block(kept, len(keep), 0)
    return Block(
        kept,
        len(keep),
        lambda row: numbers[keep[row]],
        shown.text,
        sorted(rejected, key=lambda rejection: rejection.number),
    )


def _first_values(lists: pa.ListArray, lengths: np.ndarray) -> pa.Array:
    starts = lists.offsets.to_numpy()[:-1]
    return lists.values.take(pa.array(starts, mask=lengths == 0))


def _decodable(
    records: list[bytes], first: int
) -> tuple[list[bytes], list[int], list[Rejection]]:
    """Separates the records that are no Examples, or whose features change type."""
    kinds: dict[str, str] = {}
    good: list[bytes] = []
    numbers: list[int] = []
    rejected: list[Rejection] = []
    for number, record in enumerate(records, first):
        try:
            features = tf.train.Example.FromString(record).features.feature
        except Exception:  # protobuf's DecodeError differs between implementations.
            rejected.append(Rejection("no tf.train.Example", number, readable(record)))
            continue
        found = {
            name: feature.WhichOneof("kind")
            for name, feature in features.items()
            if feature.WhichOneof("kind")
        }
        if any(kinds.get(name, kind) != kind for name, kind in found.items()):
            rejected.append(
                Rejection("column changes its type", number, readable(record))
            )
            continue
        kinds.update(found)
        good.append(record)
        numbers.append(number)
    return good, numbers, rejected
