"""What an evaluation adds up: per slice, the sums its metrics are means of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ondevice_rec.components.topk_evaluator.slices import OVERALL, Slicer
from ondevice_rec.recommendation import ranking
from ondevice_rec.schemas import facts

# Per slice float64 `[1 + 2 * metrics]`: queries, sums of the model's metrics, sums of
# the popularity model's. Sums of counts stay exact up to 2^53.
Statistics = dict[str, np.ndarray]

MAX_SLICES = 10_000

# In the evaluation artifact: every slice's result, and what was decided.
METRICS_FILE = "metrics.json"


@dataclass(frozen=True)
class SliceResult:
    """Metrics of one slice.

    Attributes:
      queries: Number of queries.
      candidate: The model's metrics by name.
      popularity: The popularity model's, on the same queries.
    """

    queries: int
    candidate: dict[str, float]
    popularity: dict[str, float]


def add_batch(
    statistics: Statistics,
    slicer: Slicer,
    slice_codes: Mapping[str, np.ndarray],
    model_metrics: np.ndarray,
    popularity_metrics: np.ndarray,
) -> None:
    """Adds a batch of queries.

    Args:
      statistics: What to add to.
      slicer: Names the slices.
      slice_codes: The slice of each query, int `[queries]`, by what is sliced by.
      model_metrics: float64 `[queries, metrics]`.
      popularity_metrics: float64 `[queries, metrics]`.

    Raises:
      ValueError: there are more than `MAX_SLICES` slices.
    """
    ones = np.ones((len(model_metrics), 1))
    table = np.concatenate([ones, model_metrics, popularity_metrics], axis=1)
    _add(statistics, OVERALL, table.sum(axis=0))
    for name, codes in slice_codes.items():
        present, group = np.unique(codes, return_inverse=True)
        sums = [np.bincount(group, column, len(present)) for column in table.T]
        for code, row in zip(present.tolist(), np.stack(sums, axis=1), strict=True):
            _add(statistics, slicer.describe(name, code), row)
    if len(statistics) > MAX_SLICES:
        raise ValueError(
            f"`slices` {sorted(slice_codes)} make more than {MAX_SLICES:,} slices. "
            "Slice by columns with fewer values."
        )


def merge(parts: Iterable[Statistics]) -> Statistics:
    """Adds up the statistics of disjoint sets of queries."""
    whole: Statistics = {}
    for part in parts:
        for name, sums in part.items():
            _add(whole, name, sums)
    return whole


def results(statistics: Statistics, top_k: Sequence[int]) -> dict[str, SliceResult]:
    """Metrics per slice, all queries first."""
    names = ranking.metric_names(top_k)
    found = {}
    for slice_name in sorted(statistics, key=lambda name: (name != OVERALL, name)):
        sums = statistics[slice_name]
        count = sums[0]
        means = (sums[1:] / count).tolist()
        queries = {facts.QUERY_COUNT: float(count)}
        found[slice_name] = SliceResult(
            int(count),
            dict(zip(names, means[: len(names)], strict=True)) | queries,
            dict(zip(names, means[len(names) :], strict=True)) | queries,
        )
    return found


def to_json(statistics: Statistics) -> str:
    return json.dumps({name: sums.tolist() for name, sums in statistics.items()})


def from_json(text: str) -> Statistics:
    return {name: np.array(sums) for name, sums in json.loads(text).items()}


def _add(statistics: Statistics, name: str, sums: np.ndarray) -> None:
    if name in statistics:
        statistics[name] = statistics[name] + sums
    else:
        statistics[name] = sums
