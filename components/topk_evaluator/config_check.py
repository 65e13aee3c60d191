"""Whether an evaluation can be done, before anything runs."""

from __future__ import annotations

import math

from ondevice_rec.components.topk_evaluator import slices
from ondevice_rec.recommendation import ranking
from ondevice_rec.schemas import facts, input_spec_pb2
from ondevice_rec.schemas.pipeline_config_pb2 import Evaluation, Threshold


def check(
    evaluation: Evaluation, input_spec: input_spec_pb2.InputSpec | None = None
) -> None:
    """Checks the configuration of the evaluator.

    Args:
      evaluation: The configuration.
      input_spec: Says which columns there are to slice by; without it they are
        checked when the model is there.

    Raises:
      ValueError: an unknown metric, slice or k, or a threshold that asks nothing or
        the impossible. The message lists what is valid.
    """
    top_k = ranking.checked_top_k(evaluation.top_k)
    slices.check_names(evaluation.slices, input_spec)
    valid = [*ranking.metric_names(top_k), facts.QUERY_COUNT]
    for threshold in evaluation.thresholds:
        if threshold.metric not in valid:
            raise ValueError(
                f"`metric` of a threshold must be one of {', '.join(valid)}, received "
                f"{threshold.metric!r}. For other k's, set `top_k` in `evaluation`."
            )
        if threshold.HasField("slice"):
            slices.check_value(threshold.slice, evaluation.slices)
        _check_bounds(threshold)


def lower_is_better(metric: str) -> bool:
    """Whether the smaller of two values is the better one."""
    return metric == "mean_rank"


def _check_bounds(threshold: Threshold) -> None:
    name = f"Threshold of {threshold.metric!r}"
    bounds = {
        field: getattr(threshold, field)
        for field in ("min", "max", "min_ratio_to_popularity")
        if threshold.HasField(field)
    }
    if not bounds:
        raise ValueError(
            f"{name} must have `min`, `max` or `min_ratio_to_popularity`, received "
            "none. Set one, or remove the threshold."
        )
    for field, bound in bounds.items():
        if not math.isfinite(bound):
            raise ValueError(f"{name}: `{field}` must be a number, received {bound}.")
    if "min" in bounds and "max" in bounds and bounds["min"] > bounds["max"]:
        raise ValueError(
            f"{name}: `min` must be <= `max`, received {bounds['min']} and "
            f"{bounds['max']}."
        )
    if "min_ratio_to_popularity" not in bounds:
        return
    if lower_is_better(threshold.metric) or threshold.metric == facts.QUERY_COUNT:
        raise ValueError(
            f"{name}: `min_ratio_to_popularity` needs a metric of which more is "
            "better, such as recall, ndcg or mrr. Set `max` instead."
        )
