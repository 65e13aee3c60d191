"""Whether a model may be pushed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from ondevice_rec.components.topk_evaluator.plan import (
    BLESSED,
    CANDIDATE,
    MARKOV,
    POPULARITY,
)
from ondevice_rec.components.topk_evaluator.results import SliceResult
from ondevice_rec.components.topk_evaluator.slices import OVERALL
from ondevice_rec.recommendation import bootstrap
from ondevice_rec.schemas.pipeline_config_pb2 import Evaluation, Threshold

# NDCG@10 decides over popularity where it is measured, else the largest k.
_DECISIVE_K = 10
# So many metrics that are no numbers are named.
_NAMED = 3

_BASELINES = {
    Threshold.POPULARITY: POPULARITY,
    Threshold.MARKOV: MARKOV,
    Threshold.BLESSED: BLESSED,
}
_WHOSE = {
    POPULARITY: "the popularity model's",
    MARKOV: "the last-item (Markov) model's",
    BLESSED: "the latest blessed model's",
}


@dataclasses.dataclass(frozen=True)
class Check:
    """A condition that the model was held against.

    Attributes:
      metric: Name of the metric.
      slice: The slice, "overall" for all queries.
      value: The model's, None where the slice has no query.
      lower: Least value allowed, None for any.
      upper: Largest value allowed, None for any.
      baseline: The model that `ratio` and `difference` look at; empty for none.
      base: The baseline's value, None where it is not known.
      ratio: Least multiple of the baseline's value, None for any.
      difference: Least difference to the baseline's value, None for any.
      confident: Whether the whole interval must pass.
      left_out: Why the condition was not looked at, in words; empty where it was.
      refusal: What is wrong, in words; empty where the condition holds.
    """

    metric: str
    slice: str
    value: float | None
    lower: float | None = None
    upper: float | None = None
    baseline: str = ""
    base: float | None = None
    ratio: float | None = None
    difference: float | None = None
    confident: bool = False
    left_out: str = ""
    refusal: str = ""

    @property
    def name(self) -> str:
        """The metric and where it was measured, in words."""
        return self.metric + ("" if self.slice == OVERALL else f" on {self.slice}")


def checks(
    evaluation: Evaluation,
    results: Mapping[str, SliceResult],
    top_k: Sequence[int],
    blessed_left_out: str = "",
) -> list[Check]:
    """Holds the model against popularity and every threshold.

    Args:
      evaluation: The configuration.
      results: Metrics by slice.
      top_k: The k's that were measured.
      blessed_left_out: Why there are no results of the latest blessed model.

    Returns:
      One entry for each condition; the model is blessed if none has a refusal.
    """
    found = [_better_than_popularity(decisive_metric(top_k), results[OVERALL])]
    for threshold in evaluation.thresholds:
        found += _threshold(threshold, results, blessed_left_out)
    return found


def not_numbers(results: Mapping[str, SliceResult]) -> list[str]:
    """Says which of the candidate's metrics are no numbers, as a refusal."""
    found = [
        f"{metric} is {value}" if name == OVERALL else f"{metric} on {name} is {value}"
        for name, result in results.items()
        for metric, value in result.metrics[CANDIDATE].items()
        if not math.isfinite(value)
    ]
    if not found:
        return []
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return [f"metrics are no numbers: {', '.join(found[:_NAMED])}{more}"]


def reason(held: Sequence[Check]) -> str:
    """The conditions that a blessed model was held against, in words."""
    return "; ".join(map(_words, held))


def _words(check: Check) -> str:
    if check.left_out:
        return f"{check.name} is not held against {check.left_out}"
    surely = ", surely" if check.confident else ""
    return f"{check.name} is {check.value:.6g}, {_bound(check)}{surely}"


def _bound(check: Check) -> str:
    if check.lower is not None:
        return f"the minimum is {check.lower:.6g}"
    if check.upper is not None:
        return f"the maximum is {check.upper:.6g}"
    whose = _WHOSE[check.baseline]
    if check.ratio is not None:
        return f"at least {check.ratio:.6g} times {whose} {check.base:.6g}"
    return f"at least {check.difference:.6g} above {whose} {check.base:.6g}"


def decisive_metric(top_k: Sequence[int]) -> str:
    """The metric that must be better than the popularity model's."""
    return f"ndcg@{_DECISIVE_K if _DECISIVE_K in top_k else max(top_k)}"


def _better_than_popularity(metric: str, overall: SliceResult) -> Check:
    value = overall.metrics[CANDIDATE][metric]
    popular = overall.metrics[POPULARITY][metric]
    refusal = ""
    # Written so that NaN is refused.
    if not value > popular:
        refusal = (
            f"{metric} {value:.6g} is not better than the popularity model's "
            f"{popular:.6g} on the same {overall.queries:,} queries"
        )
    return Check(
        metric,
        OVERALL,
        value,
        baseline=POPULARITY,
        base=popular,
        ratio=1.0,
        refusal=refusal,
    )


def _threshold(
    threshold: Threshold, results: Mapping[str, SliceResult], blessed_left_out: str
) -> list[Check]:
    metric, slice_name = threshold.metric, threshold.slice or OVERALL
    baseline = _BASELINES[threshold.baseline]
    result = results.get(slice_name)
    known = result.metrics if result else {}
    found = []
    for field, bound in (
        ("min", "lower"),
        ("max", "upper"),
        ("min_ratio", "ratio"),
        ("min_difference", "difference"),
    ):
        if not threshold.HasField(field):
            continue
        relative = field in ("min_ratio", "min_difference")
        left_out = ""
        if relative and baseline == BLESSED and blessed_left_out:
            left_out = f"the latest blessed model: {blessed_left_out}"
        check = Check(
            metric,
            slice_name,
            known[CANDIDATE][metric] if known else None,
            baseline=baseline if relative else "",
            base=known[baseline][metric] if relative and baseline in known else None,
            confident=threshold.confident,
            left_out=left_out,
            **{bound: getattr(threshold, field)},
        )
        found.append(_decided(check, result))
    return found


def _decided(check: Check, result: SliceResult | None) -> Check:
    """The check with its refusal."""
    if check.left_out:
        return check
    if result is None or check.value is None:
        refusal = f"{check.name} cannot be measured: the slice has no query"
    elif not _margin(check, check.value, check.base) >= 0:
        refusal = f"{check.name} is {check.value:.6g}, {_wrong(check)}"
    elif check.confident and not _lowest_margin(check, result) >= 0:
        low, high = result.intervals()[CANDIDATE][check.metric]
        refusal = (
            f"{check.name} is {check.value:.6g}, but may be {_wrong(check)}: its 95 % "
            f"interval is {low:.6g} to {high:.6g}"
        )
    else:
        return check
    return dataclasses.replace(check, refusal=refusal)


def _margin(check: Check, value: float, base: float | None) -> float:
    """How much better than demanded a value is; NaN for NaN."""
    if check.lower is not None:
        return value - check.lower
    if check.upper is not None:
        return check.upper - value
    if base is None:
        raise ValueError(f"{check.baseline} was not measured.")
    if check.ratio is not None:
        return value - check.ratio * base
    return value - base - (check.difference or 0.0)


def _lowest_margin(check: Check, result: SliceResult) -> float:
    """Lower end of the margin's interval.

    That of a difference also decides on a ratio, and needs no division by 0.
    """
    value = result.replicates[CANDIDATE][check.metric]
    if check.baseline:
        base = result.replicates[check.baseline][check.metric]
        margins = [_margin(check, v, b) for v, b in zip(value, base, strict=True)]
    else:
        margins = [_margin(check, v, None) for v in value]
    return bootstrap.interval(np.array(margins))[0]


def _wrong(check: Check) -> str:
    if check.lower is not None:
        return f"below the minimum {check.lower:.6g}"
    if check.upper is not None:
        return f"above the maximum {check.upper:.6g}"
    whose = _WHOSE[check.baseline]
    if check.ratio is not None:
        return f"below {check.ratio:.6g} times {whose} {check.base:.6g}"
    return f"less than {check.difference:.6g} above {whose} {check.base:.6g}"
