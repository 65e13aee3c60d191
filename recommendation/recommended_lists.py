"""Metrics of what is recommended, whether or not the user chose it.

Popularity of an item is its share p(i) of the train split's events.

mean_popularity@k: mean p(i) of the recommended items, averaged over the lists: the
    "average recommendation popularity" of Abdollahpouri et al. (2019), as a share.
novelty@k: mean -log2 p(i) of the recommended items, averaged over the lists: mean
    self-information, Zhou et al. (2010). An item without events counts as having one.
coverage@k: share of the catalogue's items that stand in at least one list, "catalogue
    coverage", Ge, Delgado-Battenfeld and Jannach (2010).
gini@k: Gini index of how often each item of the catalogue stands in a list, items that
    never do included: 0 where all do equally often, towards 1 where few have all;
    Fleder and Hosanagar (2009).

The first two are means over queries, the last two facts of all lists together: they
come from counts by item, which add up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ondevice_rec.schemas.timeline import OOV_ID


def query_metric_names(top_k: Sequence[int]) -> list[str]:
    """Names of the means over queries, in the order of `query_metrics`' columns."""
    return [
        *(f"mean_popularity@{k}" for k in top_k),
        *(f"novelty@{k}" for k in top_k),
    ]


def total_metric_names(top_k: Sequence[int]) -> list[str]:
    """Names of the metrics of all lists together."""
    return [*(f"coverage@{k}" for k in top_k), *(f"gini@{k}" for k in top_k)]


def query_metrics(
    lists: np.ndarray, item_counts: np.ndarray, top_k: Sequence[int]
) -> np.ndarray:
    """Metrics of each list on its own.

    Args:
      lists: int `[queries, n]`, recommended ids, best first; 0 for none.
      item_counts: int `[vocab_size]`, training events per id.
      top_k: The k's; of a list with fewer items all count.

    Returns:
      float64 `[queries, metrics]`, columns as `query_metric_names` names them; 0 for
      an empty list.
    """
    counts = item_counts.astype(np.float64)
    counts[OOV_ID] = 0
    share = counts / max(1.0, counts.sum())
    information = -np.log2(np.maximum(counts, 1.0) / max(1.0, counts.sum()))
    listed = lists != OOV_ID
    length = np.maximum(1, np.cumsum(listed, axis=1))
    columns = []
    for value in (share, information):
        total = np.cumsum(np.where(listed, value[lists], 0.0), axis=1)
        means = total / length
        columns += [means[:, min(k, means.shape[1]) - 1] for k in top_k]
    return np.stack(columns, axis=1)


def exposure(lists: np.ndarray, vocab_size: int, top_k: Sequence[int]) -> np.ndarray:
    """How often each id stands among the first k, int64 `[len(top_k), vocab_size]`."""
    return np.stack(
        [np.bincount(lists[:, :k].reshape(-1), minlength=vocab_size) for k in top_k]
    ).astype(np.int64)


def total_metrics(exposures: np.ndarray) -> np.ndarray:
    """Metrics of all lists together, as `total_metric_names` names them.

    Args:
      exposures: int64 `[len(top_k), vocab_size]`; id 0 is no item.
    """
    items = exposures[:, OOV_ID + 1 :]
    coverage = np.count_nonzero(items, axis=1) / max(1, items.shape[1])
    return np.concatenate([coverage, [gini(row) for row in items]])


def gini(values: np.ndarray) -> float:
    """Gini index of numbers that are not negative; 0 where all are 0.

    Half the mean absolute difference of two of them over their mean, by the formula
    for sorted values, which needs no pairs.
    """
    size, total = len(values), values.sum()
    if not total:
        return 0.0
    weights = 2 * np.arange(1, size + 1) - size - 1
    return float(np.dot(weights, np.sort(values).astype(np.float64)) / (size * total))
