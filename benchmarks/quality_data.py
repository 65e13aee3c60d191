"""The logs that quality is measured on."""

from __future__ import annotations

import os
from collections.abc import Mapping

# The configuration's `log`, by the name of the preset; `path` is under the data folder.
LOGS: Mapping[str, Mapping[str, object]] = {
    "movielens-1m": {
        "path": "movielens-1m/ratings.csv.gz",
        "user": "user_id",
        "item": "movie_id",
        "timestamp": "timestamp",
    },
    "movielens-100k": {
        "path": "movielens-100k/u.data",
        "format": "CSV",
        "delimiter": "\t",
        "column_names": ["user_id", "item_id", "rating", "timestamp"],
        "user": "user_id",
        "item": "item_id",
        "timestamp": "timestamp",
    },
    "online-retail": {
        "path": "online-retail/online_retail_2009-2011_purchases.tsv.gz",
        "delimiter": "\t",
        "user": "CustomerID",
        "item": "StockCode",
        "timestamp": "ts",
    },
}


def log(data: str, folder: str) -> dict[str, object]:
    """The configuration's `log` of one of `LOGS`.

    Args:
      data: Its name.
      folder: With the data, as `../shared/data`.
    """
    path = os.path.abspath(os.path.join(folder, str(LOGS[data]["path"])))
    return {**LOGS[data], "path": path}
