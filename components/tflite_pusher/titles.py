"""What to show for the items."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
from tfx.dsl.io import fileio

CATALOGUE_FILE = "items.parquet"


def titles(catalogue_uri: str, keys: Sequence[str]) -> list[str]:
    """Titles of items.

    Args:
      catalogue_uri: Folder of an ItemCatalogue artifact.
      keys: The items.

    Returns:
      A title for each key: the key itself where the catalogue has none.
    """
    path = os.path.join(catalogue_uri, CATALOGUE_FILE)
    with fileio.open(path, "rb") as file:
        content = pa.BufferReader(file.read())
    table = pq.read_table(content, columns=["item", "title"])
    known = dict(
        zip(table["item"].to_pylist(), table["title"].to_pylist(), strict=True)
    )
    return [known.get(key) or key for key in keys]


def labels_tsv(keys: Sequence[str], shown: Sequence[str]) -> str:
    """The lines `id key title` of all items, tabs between them.

    Args:
      keys: Keys by id; id 0 is no item.
      shown: Titles by id. A line is a line: tabs and line ends become spaces.
    """
    lines = ["id\tkey\ttitle"]
    for id_ in range(1, len(keys)):
        title = shown[id_]
        for character in "\t\r\n":
            title = title.replace(character, " ")
        lines.append(f"{id_}\t{keys[id_]}\t{title}")
    return "\n".join(lines) + "\n"
