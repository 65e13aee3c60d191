"""Which files a configuration's `path` means, and whether they can be read at all.

Standard library only: the command line checks a log here before it loads TensorFlow,
and ActivityExampleGen reports the same mistakes in the same words.
"""

from __future__ import annotations

import csv
import glob
import gzip
import os
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO

from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2
from ondevice_rec.schemas.errors import UserError

LOG_COLUMNS = ("UserID", "MovieID", "Rating", "Timestamp")
CATALOGUE_COLUMNS = ("MovieID", "Title", "Genres")
MOVIELENS_DELIMITER = "::"

_EXTENSIONS = (
    (re.compile(r"\.(csv|tsv|txt)(\.gz)?$"), config_pb2.CSV),
    (re.compile(r"\.(parquet|pq)$"), config_pb2.PARQUET),
    (re.compile(r"tfrecords?(-\d+-of-\d+)?(\.gz)?$"), config_pb2.TFRECORD),
    (re.compile(r"\.dat(\.gz)?$"), config_pb2.MOVIELENS),
)
_HEAD_BYTES = 1 << 20


class IngestionError(UserError):
    """The log or the catalogue cannot be used; the message says why and what to do."""


def nothing_matched(path: str) -> IngestionError:
    """The error for a path without files, with what lies where they were expected."""
    folder = path
    while folder and (any(c in folder for c in "*?[{") or not os.path.isdir(folder)):
        folder = os.path.dirname(folder.rstrip("/"))
    folder = folder or ("/" if path.startswith("/") else ".")
    names = sorted(os.listdir(folder))
    shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    return IngestionError(
        f"`path` {path} matches no file. In {folder} there "
        + (f"is: {shown}." if names else "is nothing.")
        + " Correct `path`: a file, a directory, or a pattern such as logs/*.csv."
    )


def usable_files(names: Iterable[str]) -> list[str]:
    """Sorts file names and leaves out hidden ones (`.name`, `_SUCCESS`)."""
    return sorted(n for n in names if not os.path.basename(n).startswith((".", "_")))


def list_files(path: str) -> list[str]:
    """Lists the local files that `path` means, sorted by name.

    Args:
      path: A file, a directory, or a pattern.

    Raises:
      IngestionError: There is none.
    """
    found = [path] if os.path.exists(path) else glob.glob(path)
    if found and all(os.path.isdir(name) for name in found):
        found = [os.path.join(d, name) for d in found for name in os.listdir(d)]
    files = usable_files(name for name in found if os.path.isfile(name))
    if not files:
        raise nothing_matched(path)
    return files


def file_format(path: str, declared: int) -> int:
    """Returns the `LogFormat` of a file: the declared one, or by its name.

    Raises:
      IngestionError: The format is AUTO and the name does not tell.
    """
    if declared != config_pb2.AUTO:
        return declared
    name = os.path.basename(path).lower()
    for extension, found in _EXTENSIONS:
        if extension.search(name):
            return found
    raise IngestionError(
        f"The name of {path} does not tell its format (known: .csv, .tsv, .txt, "
        ".parquet, .tfrecord, .dat). Set `format` to CSV, PARQUET, TFRECORD or "
        "MOVIELENS, or narrow `path`."
    )


def field_delimiter(path: str, declared: str) -> str:
    """Returns the delimiter of a CSV file: the declared one, or by the file's name."""
    if declared:
        return declared
    name = os.path.basename(path).lower()
    return "\t" if re.search(r"\.tsv(\.gz)?$", name) else ","


def plain(stream: BinaryIO) -> BinaryIO:
    """Unpacks a stream that starts as gzip does, whatever the file is called."""
    magic = stream.read(2)
    stream.seek(0)
    return gzip.open(stream) if magic == b"\x1f\x8b" else stream  # type: ignore[return-value]


def truncated(path: str, received: int) -> IngestionError:
    """The error for a gzip file that ends too early; `received` in unpacked bytes."""
    return IngestionError(
        f"{path} is a damaged or truncated gzip file: it could be unpacked only up to "
        f"byte {received:,}. Transfer or write it again."
    )


def empty(path: str) -> IngestionError:
    """The error for a file without any content."""
    return IngestionError(
        f"{path} is empty (0 bytes of rows). Remove it or write it again."
    )


def parse_header(head: bytes, delimiter: str) -> tuple[list[str], int]:
    """Reads the header line of a CSV file.

    Args:
      head: Start of the file.
      delimiter: One character.

    Returns:
      The column names and the number of bytes they take, line end included.
    """
    start = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    lines = re.split(rb"(?<=\n)|(?<=\r)(?!\n)", head[start:])
    reader = csv.reader(
        (line.decode("utf-8", "backslashreplace") for line in lines),
        delimiter=delimiter,
    )
    names: list[str] = []
    while not names:
        names = next(reader)
    return names, start + sum(len(line) for line in lines[: reader.line_num])


def require_columns(path: str, present: Sequence[str], needed: Iterable[str]) -> None:
    """Checks that a file has the columns the configuration names.

    Raises:
      IngestionError: It lacks one, or has it twice.
    """
    for column in needed:
        count = sum(name == column for name in present)
        if count == 1:
            continue
        listed = ", ".join(f"`{name}`" for name in present[:30])
        problem = "has no column" if not count else f"has {count} columns named"
        hint = (
            " If that is one line with several values, set `delimiter`."
            if len(present) == 1
            else ""
        )
        raise IngestionError(
            f"{path} {problem} `{column}`. Its columns are {listed}. Correct the "
            f"column's name in the configuration, or set `column_names` if the file "
            f"has no header line.{hint}"
        )


def log_columns(log: config_pb2.ActivityLog, filters: config_pb2.Filters) -> list[str]:
    """Returns the columns of the log that are read, each once."""
    names = [log.user, log.item, log.timestamp]
    names += [c.column for c in log.features] + [c.column for c in log.user_features]
    if filters.HasField("min_rating"):
        names.append(filters.rating)
    return list(dict.fromkeys(names))


def catalogue_columns(catalogue: config_pb2.Catalogue) -> list[str]:
    """Returns the columns of the catalogue that are read, each once."""
    names = [catalogue.item] + [catalogue.title] * catalogue.HasField("title")
    return list(dict.fromkeys(names + [c.column for c in catalogue.features]))


def column_names(
    source: config_pb2.ActivityLog | config_pb2.Catalogue, form: int
) -> list[str]:
    """Returns the names of columns that no header line gives; none if one does."""
    if source.column_names or form != config_pb2.MOVIELENS:
        return list(source.column_names)
    is_log = isinstance(source, config_pb2.ActivityLog)
    return list(LOG_COLUMNS if is_log else CATALOGUE_COLUMNS)


def check_file(
    path: str,
    source: config_pb2.ActivityLog | config_pb2.Catalogue,
    needed: Sequence[str],
    open_binary: Callable[[str], BinaryIO],
) -> None:
    """Checks the start of one file: not empty, and its header has the columns.

    Parquet and TFRecord files are checked for emptiness only.

    Raises:
      IngestionError: It cannot be used.
    """
    form = file_format(path, source.format)
    with open_binary(path) as stream:
        if not stream.read(1):
            raise empty(path)
        if form not in (config_pb2.CSV, config_pb2.MOVIELENS):
            return
        stream.seek(0)
        try:
            head = plain(stream).read(_HEAD_BYTES)
        except (EOFError, OSError, zlib.error):
            # Rows may precede the damage; reading them says how many.
            return
    if not head.strip(b"\xef\xbb\xbf\r\n\t ,;"):
        raise empty(path)
    names = column_names(source, form)
    if not names:
        names, _ = parse_header(head, field_delimiter(path, source.delimiter))
    require_columns(path, names, needed)
