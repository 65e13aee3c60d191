"""What to show for the items."""

from __future__ import annotations

import os

import pyarrow as pa
import pyarrow.parquet as pq
from tfx.dsl.io import fileio

CATALOGUE_FILE = "items.parquet"


def titles(catalogue_uri: str) -> dict[str, str]:
    """Titles of the items that have one, by key.

    Args:
      catalogue_uri: Folder of an ItemCatalogue artifact.
    """
    path = os.path.join(catalogue_uri, CATALOGUE_FILE)
    with fileio.open(path, "rb") as file:
        content = pa.BufferReader(file.read())
    table = pq.read_table(content, columns=["item", "title"])
    named = zip(table["item"].to_pylist(), table["title"].to_pylist(), strict=True)
    return {key: title for key, title in named if title}
