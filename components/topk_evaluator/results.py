"""Metrics, from what was added up."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ondevice_rec.components.topk_evaluator.plan import CANDIDATE, Plan
from ondevice_rec.components.topk_evaluator.slices import OVERALL
from ondevice_rec.components.topk_evaluator.statistics import Statistics
from ondevice_rec.recommendation import bootstrap, recommended_lists
from ondevice_rec.schemas import facts

# In the evaluation artifact: every slice's result, and what was decided.
METRICS_FILE = "metrics.json"

Interval = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class SliceResult:
    """Metrics of one slice.

    Attributes:
      queries: Number of queries.
      metrics: By model and name, `facts.QUERY_COUNT` among them.
      replicates: float64 `[replicates]` by model and name, of the slices and metrics
        that have intervals; NaN where a replicate has no query.
    """

    queries: int
    metrics: Mapping[str, Mapping[str, float]]
    replicates: Mapping[str, Mapping[str, np.ndarray]] = dataclasses.field(
        default_factory=dict
    )

    def intervals(self) -> dict[str, dict[str, Interval]]:
        """95 % intervals by model and metric, in the replicates."""
        return {
            model: {name: bootstrap.interval(values) for name, values in named.items()}
            for model, named in self.replicates.items()
        }

    def comparisons(self) -> dict[str, dict[str, dict[str, Interval | None]]]:
        """95 % intervals of the candidate against each baseline, in the replicates.

        Both have the same queries with the same weights in a replicate, so that what
        is hard for both does not widen the interval.

        Returns:
          By baseline and metric: "difference" and "ratio", the latter None where the
          baseline's value may be 0.
        """
        found: dict[str, dict[str, dict[str, Interval | None]]] = {}
        for model, named in self.replicates.items():
            if model == CANDIDATE:
                continue
            found[model] = {}
            for name, base in named.items():
                own = self.replicates[CANDIDATE][name]
                ratio = None
                if np.nanmin(np.abs(base), initial=np.inf) > 0:
                    ratio = bootstrap.interval(own / base)
                difference = bootstrap.interval(own - base)
                found[model][name] = {"difference": difference, "ratio": ratio}
        return found

    def to_json(self) -> dict[str, Any]:
        """As it stands in `METRICS_FILE`."""
        return {"queries": self.queries, **self.metrics}


def results(statistics: Statistics, plan: Plan) -> dict[str, SliceResult]:
    """Metrics per slice, all queries first."""
    found = {}
    for name in sorted(statistics.sums, key=lambda name: (name != OVERALL, name)):
        sums = statistics.sums[name]
        queries = {facts.QUERY_COUNT: float(sums[0])}
        metrics = {
            model: {metric: float(value) for metric, value in means.items()} | queries
            for model, means in _by_model(sums, plan).items()
        }
        if name == OVERALL:
            for model, exposure in statistics.exposure.items():
                totals = recommended_lists.total_metrics(exposure).tolist()
                metrics[model] |= zip(plan.total_metrics, totals, strict=True)
        replicates = {}
        if name in statistics.replicates:
            replicates = _by_model(statistics.replicates[name], plan)
        found[name] = SliceResult(int(sums[0]), metrics, replicates)
    return found


def _by_model(sums: np.ndarray, plan: Plan) -> dict[str, dict[str, np.ndarray]]:
    """Means by model and metric, of sums along the last axis."""
    count = sums[..., :1]
    means = np.divide(
        sums[..., 1:], count, out=np.full(sums[..., 1:].shape, np.nan), where=count > 0
    )
    size = len(plan.query_metrics)
    return {
        model: {
            name: means[..., size * i + j] for j, name in enumerate(plan.query_metrics)
        }
        for i, model in enumerate(plan.models)
    }
