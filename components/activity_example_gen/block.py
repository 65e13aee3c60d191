"""A piece of a file, in columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pyarrow as pa

TEXT_LENGTH = 200


@dataclasses.dataclass(frozen=True)
class Rejection:
    """A row that cannot be used.

    Attributes:
      reason: Why, in the same few words for every such row.
      number: Line in a text file, row in another; from 1.
      text: The row's beginning, readable.
    """

    reason: str
    number: int
    text: str


@dataclasses.dataclass
class Block:
    """Consecutive rows of a file.

    Attributes:
      columns: Arrays of `num_rows` values, by column name, of the type the file has
        (binary for text files).
      num_rows: Rows in `columns`.
      number: From the index of a row to its line or row number in the file.
      text: From the index of a row to what it looks like.
      ragged: Rows that could not be divided into columns.
    """

    columns: dict[str, pa.Array]
    num_rows: int
    number: Callable[[int], int]
    text: Callable[[int], str]
    ragged: list[Rejection]

    @property
    def rows_read(self) -> int:
        """Rows of the file that this block stands for."""
        return self.num_rows + len(self.ragged)


def readable(raw: bytes) -> str:
    """Decodes the beginning of a row; bytes that are not UTF-8 show as escapes."""
    return raw[: TEXT_LENGTH * 4].decode("utf-8", "backslashreplace")[:TEXT_LENGTH]
