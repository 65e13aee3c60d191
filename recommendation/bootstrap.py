"""Poisson bootstrap: how much a mean depends on who happened to be in the data.

Every user weighs Poisson(1) in each replicate, independently (Chamandy, Muralidharan,
Najmi and Naidu, "Estimating uncertainty for massive data streams", 2012). Unlike draws
with replacement, the weights need no knowledge of the other users: they come from a
hash of the user, so that they are the same however the data are sharded, all queries of
a user weigh the same, and the replicates' sums add up over parts.
"""

from __future__ import annotations

import math

import numpy as np

from ondevice_rec.recommendation.hashing import GOLDEN, mix

LEVEL = 0.95

_STEPS = 1 << 16
_DRAWS_PER_WORD = 4
# More than 8 of a Poisson(1) are rarer than a step.
_LIMITS = np.cumsum([math.exp(-1) / math.factorial(n) for n in range(9)])
_WEIGHTS = np.searchsorted(_LIMITS, (np.arange(_STEPS) + 0.5) / _STEPS).astype(np.uint8)


def poisson_weights(users: np.ndarray, replicates: int, seed: int) -> np.ndarray:
    """Weight of each query in each replicate.

    Args:
      users: uint64 `[queries]`, a hash of each query's user.
      replicates: Number of replicates.
      seed: Another seed, other weights.

    Returns:
      float64 `[replicates, queries]`, whole numbers.
    """
    words = -(-replicates // _DRAWS_PER_WORD)
    streams = mix(users.astype(np.uint64) + mix(np.array([seed]).astype(np.uint64)))
    counters = np.arange(1, words + 1, dtype=np.uint64) * GOLDEN
    drawn = mix(streams + counters[:, np.newaxis])
    steps = [
        (drawn >> np.uint64(16 * part)) & np.uint64(_STEPS - 1)
        for part in range(_DRAWS_PER_WORD)
    ]
    uniform = np.stack(steps, axis=1).reshape(-1, len(users))[:replicates]
    return _WEIGHTS[uniform.astype(np.int64)].astype(np.float64)


def interval(values: np.ndarray) -> tuple[float, float]:
    """The middle `LEVEL` of the replicates' values, by percentiles.

    Args:
      values: float `[replicates]`; NaN where a replicate had no query.

    Returns:
      Lower and upper end; NaN where no replicate has a value.
    """
    values = values[~np.isnan(values)]
    if not len(values):
        return math.nan, math.nan
    tail = 100 * (1 - LEVEL) / 2
    # Sorted values themselves, since some may be infinite.
    low, high = np.percentile(values, [tail, 100 - tail], method="nearest")
    return float(low), float(high)
