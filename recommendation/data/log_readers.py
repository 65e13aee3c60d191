"""Logs of activity as columns: CSV files, data frames, lists of events."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from ondevice_rec.recommendation.data import log_columns
from ondevice_rec.recommendation.data.event_log import check_columns
from ondevice_rec.recommendation.data.rejections import Rejections
from ondevice_rec.schemas.errors import UserError

Event = Any
Timeline = Sequence[Event]

_TABS = (".tsv", ".tsv.gz", ".tab")


def csv(
    path: str | os.PathLike[str],
    wanted: Sequence[str],
    delimiter: str | None,
    rejected: Rejections,
) -> dict[str, pa.Array]:
    """Reads the wanted columns of CSV files with a header line, as bytes.

    Args:
      path: A file or a glob, gzip or not; the files are read in the order of their
        names.
      wanted: Columns.
      delimiter: None: a tab for .tsv files, else a comma.
      rejected: Counts lines with another number of fields than the header.

    Raises:
      UserError: no such file, one cannot be read, or it lacks a column.
    """
    files = sorted(glob.glob(os.fspath(path))) or [os.fspath(path)]
    tables = [_csv_file(file, wanted, delimiter, rejected) for file in files]
    table = pa.concat_tables(tables)
    return {name: _joined(table.column(name)) for name in wanted}


def _csv_file(
    file: str, wanted: Sequence[str], delimiter: str | None, rejected: Rejections
) -> pa.Table:
    malformed = 0

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        nonlocal malformed
        malformed += 1
        return "skip"

    if delimiter is None:
        delimiter = "\t" if file.endswith(_TABS) else ","
    parse = pyarrow.csv.ParseOptions(delimiter=delimiter, invalid_row_handler=skip)
    try:
        # Twice, as the types must be known before: the header, then the rows.
        with pyarrow.csv.open_csv(file, parse_options=parse) as reader:
            header = reader.schema.names
        check_columns(wanted, header, file)
        malformed = 0
        table = pyarrow.csv.read_csv(
            file,
            parse_options=parse,
            read_options=pyarrow.csv.ReadOptions(use_threads=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={name: pa.binary() for name in header},
                include_columns=list(wanted),
            ),
        )
    except (OSError, pa.ArrowInvalid) as error:
        raise UserError(
            f"{file} cannot be read: {error}. Pass CSV files with a header line, and "
            "their `delimiter`."
        ) from error
    rejected.saw(malformed)
    rejected.add("another number of fields than the header", malformed)
    return table


def frame(data: pd.DataFrame, wanted: Sequence[str]) -> dict[str, pa.Array]:
    """The wanted columns of a data frame.

    Raises:
      UserError: it lacks one, or is none.
    """
    if not isinstance(data, pd.DataFrame):
        raise UserError(
            f"`frame` must be a pandas DataFrame, received a {type(data).__name__}."
        )
    check_columns(wanted, map(str, data.columns), "The data frame")
    return {name: log_columns.arrow(data[name]) for name in wanted}


def timelines(
    data: Mapping[Any, Timeline] | Sequence[Timeline],
    wanted: Sequence[str],
    user: str,
    item: str,
) -> dict[str, pa.Array]:
    """The wanted columns of lists of events, oldest first.

    Args:
      data: Lists by user, or a sequence of lists, whose users are numbered. An event
        is the item's key, or a mapping from columns to values.
      wanted: Columns other than the timestamp.
      user: Name for the users' column.
      item: The items' column.

    Raises:
      UserError: it is no such thing, or an event lacks a column.
    """
    columns: dict[str, list[Any]] = {name: [] for name in wanted}
    for key, events in _by_user(data):
        if isinstance(events, str | bytes | Mapping):
            raise UserError(
                f"The timeline of user {key!r} must be a list of events, received "
                f"{events!r}."
            )
        for event in events:
            values = event if isinstance(event, Mapping) else {item: event}
            for name in wanted:
                if name == user:
                    columns[name].append(key)
                elif name in values:
                    columns[name].append(values[name])
                else:
                    raise UserError(
                        f"An event of user {key!r} has no `{name}`, received "
                        f"{event!r}. Pass mappings from columns to values."
                    )
    return {name: log_columns.arrow(pd.Series(v)) for name, v in columns.items()}


def _by_user(
    data: Mapping[Any, Timeline] | Sequence[Timeline],
) -> Iterator[tuple[Any, Timeline]]:
    if isinstance(data, Mapping):
        yield from data.items()
    elif isinstance(data, Sequence) and not isinstance(data, str | bytes):
        yield from enumerate(data)
    else:
        raise UserError(
            "`timelines` must be a mapping from users to lists of events, or a "
            f"sequence of such lists, received a {type(data).__name__}."
        )


def _joined(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    return found if isinstance(found, pa.Array) else pa.concat_arrays(column.chunks)
