"""Makes logs of any size: few users are very active, few items very popular."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

EVENTS_PER_USER = 150
NUM_ITEMS = 20_000
_CHUNK = 1_000_000


def write_log(path: str, num_rows: int, seed: int = 0) -> None:
    """Writes a CSV of events in the order of time.

    Args:
      path: The file; its columns are user, item, rating, timestamp (Unix seconds).
      num_rows: Number of events, of one user for each `EVENTS_PER_USER`.
      seed: Another seed, another log.
    """
    random = np.random.default_rng(seed)
    activity = random.lognormal(sigma=1.2, size=max(num_rows // EVENTS_PER_USER, 1))
    users = np.cumsum(activity / activity.sum())
    popularity = 1 / np.arange(10, NUM_ITEMS + 10)
    items = np.cumsum(popularity / popularity.sum())
    schema = pa.schema(
        [(name, pa.int64()) for name in ("user", "item", "rating", "timestamp")]
    )
    with pa_csv.CSVWriter(path, schema) as writer:
        for start in range(0, num_rows, _CHUNK):
            size = min(_CHUNK, num_rows - start)
            columns = [
                np.searchsorted(users, random.random(size)),
                np.searchsorted(items, random.random(size)),
                random.integers(1, 6, size),
                1_600_000_000 + np.arange(start, start + size) // 4,
            ]
            writer.write_table(pa.table(columns, schema=schema))
