"""Reads CSV, and MovieLens' `::` files, in blocks of columns.

pyarrow parses whole blocks. It stops at the first row it cannot divide into columns,
and an unbalanced quote makes it swallow the rows that follow; a block with such a row
is divided line by line here, so that a bad line costs no good one.
"""

from __future__ import annotations

import csv
import dataclasses
import gc
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv as pa_csv

from ondevice_rec.components.activity_example_gen.block import (
    Block,
    Rejection,
    readable,
)
from ondevice_rec.schemas import log_files
from ondevice_rec.schemas.log_files import IngestionError

BLOCK_BYTES = 16 << 20
_LONGEST_LINE = 64 << 20
# A quoted value may go on for this many lines; then its first line is called bad.
_MOST_LINES = 1000
_UNIT = b"\x1f"


@dataclasses.dataclass(frozen=True)
class Dialect:
    """How lines are divided.

    Attributes:
      delimiter: One ASCII character, or "::".
      quotes: Whether values may stand in double quotes.
      latin1: Whether lines that are not UTF-8 are ISO 8859-1, as in MovieLens.
    """

    delimiter: str
    quotes: bool = True
    latin1: bool = False

    @property
    def byte(self) -> bytes:
        """The delimiter once `::` has become one character."""
        return _UNIT if len(self.delimiter) > 1 else self.delimiter.encode()


MOVIELENS = Dialect(log_files.MOVIELENS_DELIMITER, quotes=False, latin1=True)


def read(
    path: str,
    stream: BinaryIO,
    dialect: Dialect,
    names: Sequence[str],
    needed: Sequence[str],
    one_line: Sequence[str] = (),
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[Block]:
    """Reads a file.

    Args:
      path: The file's name, for messages.
      stream: Its bytes, plain or gzip.
      dialect: How its lines are divided.
      names: Column names; none if the first line has them.
      needed: Names of the columns to return, as binary arrays.
      one_line: Those whose values never contain a line end; a quote that would make
        one do so is a stray one.
      block_bytes: Size of a block.

    Yields:
      Blocks in the order of the file. Blank lines are no rows.

    Raises:
      IngestionError: The file is empty, lacks a column, or is a damaged gzip.
    """
    line = 1
    for data in _cut(path, log_files.plain(stream), block_bytes, dialect):
        if line == 1:
            if not names:
                names, size = log_files.parse_header(data, dialect.delimiter)
                line += data[:size].count(b"\n")
                data = data[size:]
            log_files.require_columns(path, names, needed)
        block = _parse(data, line, dialect, list(names), needed, one_line)
        line += data.count(b"\n")
        if block.rows_read:
            yield block
    if line == 1:
        raise log_files.empty(path)


def _cut(
    path: str, stream: BinaryIO, block_bytes: int, dialect: Dialect
) -> Iterator[bytes]:
    """Yields the file in pieces that end at line ends, all of them LF."""
    rest, done, first = b"", 0, True
    while True:
        try:
            data = stream.read(block_bytes)
        except (EOFError, OSError, zlib.error) as error:
            raise log_files.truncated(path, done + stream.tell()) from error
        if first:
            data = data.removeprefix(b"\xef\xbb\xbf")
            first = False
        last = not data
        data = rest + data
        if not last and data.endswith(b"\r"):
            # The other half of a line end may follow.
            data, held = data[:-1], b"\r"
        else:
            held = b""
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        end = len(data) if last else _row_end(data, dialect.quotes)
        if end:
            rows = data[:end]
            if dialect.latin1:
                rows = _utf8(rows)
            if len(dialect.delimiter) > 1:
                rows = rows.replace(dialect.delimiter.encode(), _UNIT)
            yield rows
        rest = data[end:] + held
        if last:
            return
        if len(rest) > _LONGEST_LINE:
            raise IngestionError(
                f"{path} has a line of more than {_LONGEST_LINE >> 20} MiB, which "
                f"begins with {readable(rest[:60])!r}. Set `format` if this is no CSV."
            )


def _utf8(data: bytes) -> bytes:
    if data.isascii():
        return data
    return b"\n".join(_line_utf8(line) for line in data.split(b"\n"))


def _line_utf8(line: bytes) -> bytes:
    try:
        line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1").encode()
    return line


def _row_end(data: bytes, quotes: bool) -> int:
    """Returns where the last whole row ends, 0 if there is none."""
    end = data.rfind(b"\n") + 1
    if not quotes or not data.count(b'"', 0, end) % 2:
        return end
    # A quoted value goes on after `end`, if it did not begin too long ago.
    line_end = end
    for _ in range(_MOST_LINES):
        start = data.rfind(b"\n", 0, line_end - 1) + 1
        if data.count(b'"', start, line_end) % 2:
            return start
        line_end = start
    return end


def _parse(
    data: bytes,
    line: int,
    dialect: Dialect,
    names: list[str],
    needed: Sequence[str],
    one_line: Sequence[str],
) -> Block:
    """Divides a block whose first line has the number `line`."""
    width = len(names)
    indices = [names.index(name) for name in needed]
    quoted = dialect.quotes and b'"' in data
    try:
        columns = _columns(data, dialect, quoted, width, indices)
    except pa.ArrowInvalid:
        columns = None
    lines = _Lines(data, line, dialect)
    if columns is not None and (not quoted or len(columns[0]) == lines.num_rows):
        return Block(
            dict(zip(needed, columns, strict=True)),
            len(columns[0]),
            lines.number,
            lines.text,
            [],
        )
    plain = {names.index(name) for name in one_line}
    return _line_by_line(lines, dialect, width, indices, needed, plain)


def _columns(
    data: bytes,
    dialect: Dialect,
    quoted: bool,
    width: int,
    indices: Sequence[int],
) -> list[pa.Array]:
    if not data.strip(b"\n"):
        return [pa.array([], pa.binary())] * len(indices)
    names = [str(i) for i in range(width)]
    # On Python 3.10 pyarrow 10 looks for referrers among all objects at each call, of
    # which TensorFlow has made a million. Not among frozen ones.
    gc.freeze()
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(data),
            # One piece, read by this thread: rows keep their order and cost no copy.
            read_options=pa_csv.ReadOptions(
                column_names=names, use_threads=False, block_size=len(data) + 1
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=dialect.byte.decode(), quote_char='"' if quoted else False
            ),
            convert_options=pa_csv.ConvertOptions(
                include_columns=[names[i] for i in indices],
                column_types={names[i]: pa.binary() for i in indices},
            ),
        )
    finally:
        gc.unfreeze()
    return [_one_array(table.column(i)) for i in range(len(indices))]


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return (
        pa.concat_arrays(column.chunks)
        if column.num_chunks
        else pa.array([], column.type)
    )


class _Lines:
    """The lines of a block, divided only when somebody asks."""

    def __init__(self, data: bytes, first: int, dialect: Dialect) -> None:
        self._data = data
        self._first = first
        self._dialect = dialect
        self._lines: list[bytes] | None = None
        self._rows: list[int] = []

    @property
    def lines(self) -> list[bytes]:
        if self._lines is None:
            self._lines = self._data.split(b"\n")
            self._rows = [i for i, line in enumerate(self._lines) if line]
        return self._lines

    @property
    def num_rows(self) -> int:
        return len(self._rows) if self.lines else 0

    def line_number(self, index: int) -> int:
        return self._first + index

    def line_text(self, index: int) -> str:
        line = self.lines[index]
        if self._dialect.byte == _UNIT:
            line = line.replace(_UNIT, self._dialect.delimiter.encode())
        return readable(line)

    def number(self, row: int) -> int:
        return self.line_number(self._rows[row]) if self.lines else 0

    def text(self, row: int) -> str:
        return self.line_text(self._rows[row]) if self.lines else ""


def _line_by_line(
    source: _Lines,
    dialect: Dialect,
    width: int,
    indices: Sequence[int],
    needed: Sequence[str],
    one_line: set[int],
) -> Block:
    """Divides a block that has bad lines, or quoted values that have line ends."""
    lines = source.lines
    simple: list[int] = []
    careful: dict[int, list[str]] = {}
    ragged: list[Rejection] = []

    def reject(index: int, reason: str) -> None:
        ragged.append(
            Rejection(reason, source.line_number(index), source.line_text(index))
        )

    index = 0
    while index < len(lines):
        line, taken = lines[index], 1
        if line and dialect.quotes and b'"' in line:
            fields, taken = _quoted_row(lines, index, dialect, width, one_line)
            if fields is None:
                reject(index, "unbalanced quote")
            elif len(fields) != width:
                reject(index, "wrong number of columns")
            else:
                careful[index] = [fields[i] for i in indices]
        elif line:
            if line.count(dialect.byte) == width - 1:
                simple.append(index)
            else:
                reject(index, "wrong number of columns")
        index += taken
    text = b"\n".join(lines[i] for i in simple)
    columns = _columns(text, dialect, False, width, indices)
    rows = simple
    if careful:
        rows = simple + list(careful)
        order = pa.array(sorted(range(len(rows)), key=rows.__getitem__))
        columns = [
            pa.concat_arrays([column, _encoded(fields)]).take(order)
            for column, fields in zip(
                columns, zip(*careful.values(), strict=True), strict=True
            )
        ]
        rows = sorted(rows)
    return Block(
        dict(zip(needed, columns, strict=True)),
        len(rows),
        lambda row: source.line_number(rows[row]),
        lambda row: source.line_text(rows[row]),
        ragged,
    )


def _encoded(fields: Sequence[str]) -> pa.Array:
    return pa.array([f.encode("utf-8", "surrogateescape") for f in fields], pa.binary())


def _quoted_row(
    lines: Sequence[bytes],
    index: int,
    dialect: Dialect,
    width: int,
    one_line: set[int],
) -> tuple[list[str] | None, int]:
    """Divides the row that begins with a line that has quotes.

    Returns:
      The fields (None if a quote is not closed) and the number of lines they take.
    """
    delimiter = dialect.delimiter
    if not lines[index].count(b'"') % 2:
        # Lenient as pyarrow is, but never beyond this line.
        fields = _fields([lines[index]], delimiter, strict=True)
        return fields or _fields([lines[index]], delimiter, strict=False), 1
    for stop in range(index + 1, min(index + _MOST_LINES, len(lines))):
        if not lines[stop].count(b'"') % 2:
            continue
        fields = _fields(lines[index : stop + 1], delimiter, strict=True)
        if fields is None or len(fields) != width:
            break
        # A line end in a key or a time: the quotes of two bad lines have met.
        if any("\n" in fields[i] for i in one_line):
            break
        return fields, stop + 1 - index
    return None, 1


def _fields(lines: Sequence[bytes], delimiter: str, strict: bool) -> list[str] | None:
    """Divides lines that are one row; None if they are not."""
    texts = (line.decode("utf-8", "surrogateescape") + "\n" for line in lines)
    try:
        rows = list(csv.reader(texts, delimiter=delimiter, strict=strict))
    except csv.Error:
        return None
    if len(rows) != 1:
        return None
    if not strict:
        # The line's own end is no part of a value that was never closed.
        rows[0][-1] = rows[0][-1].removesuffix("\n")
    return rows[0]
