"""Makes logs of any size: few users are very active, few items very popular."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

EVENTS_PER_USER = 150
NUM_ITEMS = 20_000
_CHUNK = 1_000_000
_SCHEMA = pa.schema(
    [(name, pa.int64()) for name in ("user", "item", "rating", "timestamp")]
)


def write_log(path: str, num_rows: int, seed: int = 0) -> None:
    """Writes a CSV of events in the order of time.

    Args:
      path: The file; its columns are user, item, rating, timestamp (Unix seconds).
      num_rows: Number of events, of one user for each `EVENTS_PER_USER`.
      seed: Another seed, another log.
    """
    with pa_csv.CSVWriter(path, _SCHEMA) as writer:
        for table in _tables(num_rows, seed):
            writer.write_table(table)


def write_logs(folder: str, num_rows: int) -> None:
    """Writes the same log in files of a million rows, `log-00000.csv` and so on."""
    for number, table in enumerate(_tables(num_rows, seed=0)):
        pa_csv.write_csv(table, os.path.join(folder, f"log-{number:05d}.csv"))


def _tables(num_rows: int, seed: int) -> Iterator[pa.Table]:
    random = np.random.default_rng(seed)
    activity = random.lognormal(sigma=1.2, size=max(num_rows // EVENTS_PER_USER, 1))
    users = np.cumsum(activity / activity.sum())
    popularity = 1 / np.arange(10, NUM_ITEMS + 10)
    items = np.cumsum(popularity / popularity.sum())
    for start in range(0, num_rows, _CHUNK):
        size = min(_CHUNK, num_rows - start)
        columns = [
            np.searchsorted(users, random.random(size)),
            np.searchsorted(items, random.random(size)),
            random.integers(1, 6, size),
            1_600_000_000 + np.arange(start, start + size) // 4,
        ]
        yield pa.table(columns, schema=_SCHEMA)
