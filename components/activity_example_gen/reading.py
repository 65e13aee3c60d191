"""Reads any supported file in blocks of columns."""

from __future__ import annotations

from collections.abc import Iterator

from ondevice_rec.components.activity_example_gen import (
    csv_reader,
    files,
    parquet_reader,
)
from ondevice_rec.components.activity_example_gen.block import Block
from ondevice_rec.schemas import input_spec_pb2, log_files
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2


def read_log(
    path: str,
    log: config_pb2.ActivityLog,
    filters: config_pb2.Filters,
    block_bytes: int = csv_reader.BLOCK_BYTES,
) -> Iterator[Block]:
    """Reads the columns of a log that are used, text in blocks of `block_bytes`.

    Raises:
      IngestionError: The file cannot be read.
    """
    kinds = {log.user: "key", log.item: "key", log.timestamp: "timestamp"}
    for source in (*log.features, *log.user_features):
        kinds.setdefault(source.column, _kind(source))
    if filters.HasField("min_rating"):
        kinds.setdefault(filters.rating, "FLOAT")
    return _read(path, log, kinds, (log.user, log.item, log.timestamp), block_bytes)


def read_catalogue(path: str, catalogue: config_pb2.Catalogue) -> Iterator[Block]:
    """Reads the columns of a catalogue that are used.

    Raises:
      IngestionError: The file cannot be read.
    """
    kinds = {catalogue.item: "key"}
    if catalogue.HasField("title"):
        kinds.setdefault(catalogue.title, "STRING")
    for source in catalogue.features:
        kinds.setdefault(source.column, _kind(source))
    return _read(path, catalogue, kinds, (catalogue.item,))


def _kind(source: config_pb2.SourceColumn) -> str:
    return input_spec_pb2.FeatureType.Name(source.type) + (
        "*" if source.HasField("separator") else ""
    )


def _read(
    path: str,
    source: config_pb2.ActivityLog | config_pb2.Catalogue,
    kinds: dict[str, str],
    one_line: tuple[str, ...],
    block_bytes: int = csv_reader.BLOCK_BYTES,
) -> Iterator[Block]:
    form = log_files.file_format(path, source.format)
    needed = list(kinds)
    if form == config_pb2.TFRECORD:
        # Imports TensorFlow, which the other formats do without.
        from ondevice_rec.components.activity_example_gen import tfrecord_reader

        with files.open_binary(path) as stream:
            compressed = stream.read(2) == b"\x1f\x8b"
        several = [name for name, kind in kinds.items() if kind.endswith("*")]
        yield from tfrecord_reader.read(path, compressed, needed, several)
        return
    with files.open_binary(path) as stream:
        if form == config_pb2.PARQUET:
            yield from parquet_reader.read(path, stream, needed, kinds)
            return
        dialect = csv_reader.MOVIELENS
        if form == config_pb2.CSV:
            delimiter = log_files.field_delimiter(path, source.delimiter)
            dialect = csv_reader.Dialect(delimiter)
        names = log_files.column_names(source, form)
        yield from csv_reader.read(
            path, stream, dialect, names, needed, one_line, block_bytes
        )
