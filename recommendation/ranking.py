"""Metrics of a ranking, from the rank of the item the user really chose.

Every query has one relevant item, so the item's rank among all items is all there is
to know: each metric is a function of it, and a mean over any set of queries is a sum
that can be added up in parts.

Ranks are pessimistic: 1 + the number of other items scored at least as high, so a
constant score ranks every item last. A rank of `vocab_size` or more says that the item
cannot be found at all (out-of-vocabulary): it counts as a miss at every k.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

DEFAULT_TOP_K = (1, 5, 10, 20)


def checked_top_k(top_k: Sequence[int]) -> tuple[int, ...]:
    """The k's in increasing order; `DEFAULT_TOP_K` where there are none.

    Raises:
      ValueError: a k is below 1 or stands there twice.
    """
    if not top_k:
        return DEFAULT_TOP_K
    for k in top_k:
        if k < 1:
            raise ValueError(
                f"`top_k` must hold numbers >= 1, received {k}. Set it in `evaluation`."
            )
    if len(set(top_k)) != len(top_k):
        raise ValueError(
            f"`top_k` must hold every k once, received {list(top_k)}. "
            "Set it in `evaluation`."
        )
    return tuple(sorted(int(k) for k in top_k))


def metric_names(top_k: Sequence[int]) -> list[str]:
    """Names of the metrics for these k's, in the order of `query_metrics`' columns."""
    return [
        *(f"recall@{k}" for k in top_k),
        *(f"ndcg@{k}" for k in top_k),
        *(f"mrr@{k}" for k in top_k),
        "mrr",
        "mean_rank",
    ]


def query_metrics(
    ranks: np.ndarray, vocab_size: int, top_k: Sequence[int]
) -> np.ndarray:
    """Metrics of each query on its own, with rank r of its one relevant item.

    recall@k: 1 if r <= k, else 0; also called hit rate.
    ndcg@k: 1 / log2(r + 1) if r <= k, else 0: the ideal DCG is 1 (Jarvelin and
        Kekalainen, "Cumulated gain-based evaluation of IR techniques", 2002).
    mrr@k: 1 / r if r <= k, else 0; mrr: the same without a k (Voorhees, "The TREC-8
        question answering track report", 1999). Average precision with one relevant
        item is its reciprocal rank, so MAP@k is this very number.
    mean_rank: r.

    Args:
      ranks: int `[queries]`, ranks from 1 on; `vocab_size` or more for a miss.
      vocab_size: Number of ids, id 0 included.
      top_k: The k's.

    Returns:
      float64 `[queries, metrics]`, columns as `metric_names` names them. A miss has
      rank `vocab_size` and 0 elsewhere.
    """
    missed = ranks >= vocab_size
    rank = np.where(missed, np.inf, ranks.astype(np.float64))
    gain = 1.0 / np.log2(rank + 1.0)
    columns = [
        *((rank <= k).astype(np.float64) for k in top_k),
        *(np.where(rank <= k, gain, 0.0) for k in top_k),
        *(np.where(rank <= k, 1.0 / rank, 0.0) for k in top_k),
        1.0 / rank,
        np.where(missed, float(vocab_size), rank),
    ]
    return np.stack(columns, axis=1)
