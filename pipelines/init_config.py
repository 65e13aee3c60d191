"""Writes a starting configuration from a log's header and first rows."""

from __future__ import annotations

import csv
import gzip
import itertools
import os
import re
import sys
import zlib

from ondevice_rec.schemas import presets
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.yaml_to_proto import unknown_name

# Words that name the column, best first.
_WORDS = {
    "user": ("user", "customer", "visitor", "member", "account", "client", "uid",
             "session", "device"),
    "item": ("item", "product", "movie", "article", "track", "video", "sku", "asin",
             "stock", "song", "book", "page", "content", "iid"),
    "timestamp": ("timestamp", "datetime", "time", "date", "ts", "created", "when"),
}  # fmt: skip
_DELIMITERS = ",\t;|"
_SAMPLE_ROWS = 100


def init(
    log: str,
    output: str | None,
    given: dict[str, str | None],
    preset: str,
    force: bool,
) -> int:
    """Writes a commented configuration for a log.

    Args:
      log: Path of the log, CSV (plain or gzip) or Parquet.
      output: File to write; None for standard output.
      given: Names of the "user", "item" and "timestamp" columns, where the user gave
        them.
      preset: What follows the log: a name of `schemas.presets`.
      force: Whether an existing file is overwritten.

    Returns:
      The exit code, 0.

    Raises:
      UserError: If the log cannot be read, a column cannot be told, or the output
        exists.
    """
    if output and os.path.exists(output) and not force:
        raise UserError(f"{output} exists already. Choose another -o, or give --force.")
    delimiter, columns, rows = _read_head(log)
    names = {role: _column(role, given[role], columns, log) for role in _WORDS}
    if len(set(names.values())) < len(names):
        raise UserError(
            f"{log}: user, item and timestamp must be three columns, found "
            f"{', '.join(f'{r}: {n}' for r, n in names.items())} among "
            f"{', '.join(columns)}. Give them with --user, --item and --timestamp."
        )
    rest = presets.text(preset)
    folder = os.path.dirname(os.path.abspath(output)) if output else os.getcwd()
    text = _write(
        path=os.path.relpath(os.path.abspath(log), folder),
        pipeline_name=_pipeline_name(log),
        delimiter=delimiter,
        columns=columns,
        names=names,
        first=rows[0],
    )
    text += rest
    if output is None:
        sys.stdout.write(text)
        return 0
    try:
        with open(output, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UserError(f"{output}: cannot be written: {error.strerror}.") from error
    sys.stdout.write(f"Wrote {output}. Next: ondevice-rec run {output}\n")
    return 0


def _read_head(log: str) -> tuple[str | None, list[str], list[list[str]]]:
    """Delimiter (None for Parquet), column names and the first rows."""
    if not os.path.isfile(log):
        raise UserError(f"{log}: no such file. Give the path of one file of the log.")
    if log.endswith(".parquet"):
        return None, *_read_parquet_head(log)
    opener = gzip.open if log.endswith(".gz") else open
    try:
        with opener(log, "rt", encoding="utf-8-sig", newline="") as file:
            lines = list(itertools.islice(file, _SAMPLE_ROWS))
    except UnicodeDecodeError as error:
        raise UserError(f"{log}: is not UTF-8 text: {error}.") from error
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{log}: cannot be read: {error}.") from error
    if not lines:
        raise UserError(f"{log}: the file is empty.")
    delimiter = max(_DELIMITERS, key=lambda d: lines[0].count(d))
    rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    if len(rows) < 2:
        raise UserError(f"{log}: there is a header line only, no event.")
    return delimiter, rows[0], rows[1:]


def _read_parquet_head(log: str) -> tuple[list[str], list[list[str]]]:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(log) as file:
            batch = next(file.iter_batches(_SAMPLE_ROWS), None)
            columns = file.schema_arrow.names
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise UserError(f"{log}: cannot be read as Parquet: {error}.") from error
    if batch is None or not batch.num_rows:
        raise UserError(f"{log}: there is no event in the file.")
    return columns, [
        [str(value) for value in row.values()] for row in batch.to_pylist()
    ]


def _column(role: str, given: str | None, columns: list[str], log: str) -> str:
    if given is not None:
        if given not in columns:
            raise UserError(
                f"{log}: has no column {given!r}. {unknown_name(given, columns)}"
            )
        return given
    best = min(columns, key=lambda column: _distance(column, _WORDS[role]))
    if _distance(best, _WORDS[role]) == _FAR:
        raise UserError(
            f"{log}: cannot tell the {role} column from the names "
            f"{', '.join(columns)}. Give it with --{role}."
        )
    return best


_FAR = 1_000


def _distance(column: str, words: tuple[str, ...]) -> int:
    """How far a column's name is from the words; 0 is the first word itself."""
    plain = re.sub(r"[^a-z0-9]", "", column.lower())
    for rank, word in enumerate(words):
        if plain in (word, word + "id", word + "key", word + "code", word + "no"):
            return rank
        if plain.startswith(word) or (len(word) > 2 and word in plain):
            return 100 + rank
    return _FAR


def _pipeline_name(log: str) -> str:
    stem = os.path.basename(log).split(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_") or "recommendations"


def _quoted(text: str) -> str:
    """A YAML double-quoted scalar."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return f'"{escaped}"'


def _write(
    path: str,
    pipeline_name: str,
    delimiter: str | None,
    columns: list[str],
    names: dict[str, str],
    first: list[str],
) -> str:
    # A ragged row, or a value over several lines, must not break the file.
    shown = dict.fromkeys(columns, "")
    pairs = zip(columns, first, strict=False)
    shown |= {column: " ".join(value.split())[:40] for column, value in pairs}
    rest = [column for column in columns if column not in names.values()]
    lines = ["log:", f"  path: {_quoted(path)}  # a file, a glob or a folder"]
    if delimiter is not None:
        lines.append(f"  delimiter: {_quoted(delimiter)}")
    for role, column in names.items():
        lines.append(f"  {role}: {_quoted(column)}  # e.g. {shown[column]}")
    if rest:
        lines.append("  # Further columns the model may read, with their types:")
        lines.append("  # features:")
        lines += [
            f"  #   - {{column: {_quoted(column)}, type: STRING}}  # e.g. "
            f"{shown[column]}"
            for column in rest
        ]
    return _HEAD.format(pipeline_name=pipeline_name, log="\n".join(lines))


_HEAD = """\
# Configuration of ondevice-rec. Run it with `ondevice-rec run THIS_FILE`.
# All keys: schemas/pipeline_config.proto.
pipeline_name: {pipeline_name}

# One row of the log is one event: a user, an item, a time.
{log}
  max_rejected_fraction: 0.05  # the run fails when more rows cannot be used

# What is known of the items, to show titles.
# catalogue:
#   path: items.csv
#   item: item_id
#   title: title

"""
