"""Whether a model may be pushed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ondevice_rec.components.topk_evaluator.slices import OVERALL
from ondevice_rec.components.topk_evaluator.statistics import SliceResult
from ondevice_rec.recommendation import ranking
from ondevice_rec.schemas.pipeline_config_pb2 import Evaluation, Threshold

# NDCG@10 decides over popularity where it is measured, else the largest k.
_DECISIVE_K = 10


@dataclass(frozen=True)
class Check:
    """A condition that the model was held against.

    Attributes:
      metric: Name of the metric.
      slice: The slice, "overall" for all queries.
      value: The model's, None where the slice has no query.
      lower: Least value allowed, None for any.
      upper: Largest value allowed, None for any.
      ratio: Least multiple of the popularity model's value, None for any.
      refusal: What is wrong, in words; empty where the condition holds.
    """

    metric: str
    slice: str
    value: float | None
    lower: float | None = None
    upper: float | None = None
    ratio: float | None = None
    refusal: str = ""


def checks(evaluation: Evaluation, results: Mapping[str, SliceResult]) -> list[Check]:
    """Holds the model against popularity and every threshold.

    Args:
      evaluation: The configuration.
      results: Metrics by slice.

    Returns:
      One entry for each condition; the model is blessed if none has a refusal.
    """
    found = [_better_than_popularity(evaluation, results[OVERALL])]
    for threshold in evaluation.thresholds:
        found += _threshold(threshold, results)
    return found


def reason(held: Sequence[Check]) -> str:
    """The conditions that a blessed model was held against, in words."""
    return "; ".join(map(_words, held))


def _words(check: Check) -> str:
    where = "" if check.slice == OVERALL else f" on {check.slice}"
    if check.lower is not None:
        bound = f"the minimum is {check.lower:.6g}"
    elif check.upper is not None:
        bound = f"the maximum is {check.upper:.6g}"
    else:
        bound = f"at least {check.ratio:.6g} times the popularity model's"
    return f"{check.metric}{where} is {check.value:.6g}, {bound}"


def decisive_metric(evaluation: Evaluation) -> str:
    """The metric that must be better than the popularity model's."""
    top_k = ranking.checked_top_k(evaluation.top_k)
    return f"ndcg@{_DECISIVE_K if _DECISIVE_K in top_k else max(top_k)}"


def _better_than_popularity(evaluation: Evaluation, overall: SliceResult) -> Check:
    metric = decisive_metric(evaluation)
    value, popular = overall.candidate[metric], overall.popularity[metric]
    refusal = ""
    # Written so that NaN is refused.
    if not value > popular:
        refusal = (
            f"{metric} {value:.6g} is not better than the popularity model's "
            f"{popular:.6g} on the same {overall.queries:,} queries"
        )
    return Check(metric, OVERALL, value, ratio=1.0, refusal=refusal)


def _threshold(threshold: Threshold, results: Mapping[str, SliceResult]) -> list[Check]:
    metric, slice_name = threshold.metric, threshold.slice or OVERALL
    lower = threshold.min if threshold.HasField("min") else None
    upper = threshold.max if threshold.HasField("max") else None
    ratio = (
        threshold.min_ratio_to_popularity
        if threshold.HasField("min_ratio_to_popularity")
        else None
    )
    where = "" if slice_name == OVERALL else f" on {slice_name}"
    if slice_name not in results:
        refusal = f"{metric}{where} cannot be measured: the slice has no query"
        return [Check(metric, slice_name, None, lower, upper, ratio, refusal)]
    value = results[slice_name].candidate[metric]
    popular = results[slice_name].popularity[metric]
    checked = []
    if lower is not None:
        wrong = f"below the minimum {lower:.6g}"
        checked.append(({"lower": lower}, value >= lower, wrong))
    if upper is not None:
        wrong = f"above the maximum {upper:.6g}"
        checked.append(({"upper": upper}, value <= upper, wrong))
    if ratio is not None:
        wrong = f"below {ratio:.6g} times the popularity model's {popular:.6g}"
        checked.append(({"ratio": ratio}, value >= ratio * popular, wrong))
    return [
        Check(
            metric,
            slice_name,
            value,
            **bound,
            refusal="" if holds else f"{metric}{where} is {value:.6g}, {wrong}",
        )
        for bound, holds, wrong in checked
    ]
