"""Whether an evaluation can be done, before anything runs."""

from __future__ import annotations

import math

from ondevice_rec.components.topk_evaluator import slices
from ondevice_rec.components.topk_evaluator.plan import query_metric_names
from ondevice_rec.recommendation import ranking, recommended_lists
from ondevice_rec.schemas import facts, input_spec_pb2
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.pipeline_config_pb2 import Evaluation, Threshold

_BOUNDS = ("min", "max", "min_ratio", "min_difference")
_RELATIVE = ("min_ratio", "min_difference")
# Before the "@", metrics of which less is better, or neither is.
_LESS_IS_BETTER = ("mean_rank", "mean_popularity", "gini", facts.QUERY_COUNT)
_MAX_REPLICATES = 10_000


def check(
    evaluation: Evaluation,
    input_spec: input_spec_pb2.InputSpec | None = None,
    num_predictions: int | None = None,
) -> None:
    """Checks the configuration of the evaluator.

    Args:
      evaluation: The configuration.
      input_spec: Says which columns there are to slice by; without it they are
        checked when the model is there.
      num_predictions: Items that a TFLite file recommends; as `input_spec`.

    Raises:
      ValueError: an unknown metric, slice or k, or a threshold that asks nothing or
        the impossible. The message lists what is valid.
    """
    top_k = measured_top_k(evaluation, num_predictions)
    slices.check_names(evaluation.slices, input_spec)
    for name, least, most in (
        ("bootstrap_replicates", 0, _MAX_REPLICATES),
        ("cold_item_events", 0, None),
    ):
        value = getattr(evaluation, name)
        if value < least or (most is not None and value > most):
            limit = f">= {least}" if most is None else f"from {least} to {most}"
            raise UserError(
                f"`{name}` must be {limit}, received {value}. Set it in `evaluation`."
            )
    of_queries = query_metric_names(top_k, from_lists(evaluation))
    of_lists = recommended_lists.total_metric_names(top_k)
    for threshold in evaluation.thresholds:
        valid = [*of_queries, *of_lists, facts.QUERY_COUNT]
        if threshold.metric not in valid:
            raise UserError(
                f"`metric` of a threshold must be one of {', '.join(valid)}, received "
                f"{threshold.metric!r}. For other k's, set `top_k` in `evaluation`."
            )
        if threshold.HasField("slice"):
            slices.check_value(threshold.slice, evaluation.slices)
            if threshold.metric in of_lists:
                raise UserError(
                    f"Threshold of {threshold.metric!r}: it is measured over all "
                    f"queries, received `slice` {threshold.slice!r}. Remove `slice`."
                )
        _check_bounds(threshold)
        if threshold.confident:
            _check_confident(threshold, evaluation, of_queries)


def from_lists(evaluation: Evaluation) -> bool:
    """Whether only recommended lists are known, not the ranks beyond."""
    return bool(evaluation.measured == Evaluation.TFLITE)


def measured_top_k(
    evaluation: Evaluation, num_predictions: int | None = None
) -> tuple[int, ...]:
    """The k's that can be measured.

    Args:
      evaluation: The configuration.
      num_predictions: Items that a TFLite file recommends: larger k's are left out
        where that is what is measured. None if not known yet.

    Raises:
      ValueError: a k is impossible, or none can be measured.
    """
    top_k = ranking.checked_top_k(evaluation.top_k)
    if not from_lists(evaluation) or num_predictions is None:
        return top_k
    found = tuple(k for k in top_k if k <= num_predictions)
    if not found:
        raise UserError(
            f"`top_k` must hold a k that is not above `num_predictions` "
            f"{num_predictions}, the items that a TFLite file recommends, received "
            f"{list(top_k)}. Change one of them."
        )
    return found


def more_is_better(metric: str) -> bool:
    """Whether the larger of two values is the better one."""
    return metric.partition("@")[0] not in _LESS_IS_BETTER


def _check_bounds(threshold: Threshold) -> None:
    name = f"Threshold of {threshold.metric!r}"
    bounds = {
        field: getattr(threshold, field)
        for field in _BOUNDS
        if threshold.HasField(field)
    }
    if not bounds:
        raise UserError(
            f"{name} must have `min`, `max`, `min_ratio` or `min_difference`, received "
            "none. Set one, or remove the threshold."
        )
    for field, bound in bounds.items():
        if not math.isfinite(bound):
            raise UserError(f"{name}: `{field}` must be a number, received {bound}.")
    if "min" in bounds and "max" in bounds and bounds["min"] > bounds["max"]:
        raise UserError(
            f"{name}: `min` must be <= `max`, received {bounds['min']} and "
            f"{bounds['max']}."
        )
    relative = [field for field in _RELATIVE if field in bounds]
    if threshold.HasField("baseline") and not relative:
        raise UserError(
            f"{name}: `baseline` says what `min_ratio` and `min_difference` look at, "
            "received neither. Set one, or remove `baseline`."
        )
    if relative and not more_is_better(threshold.metric):
        raise UserError(
            f"{name}: `{relative[0]}` needs a metric of which more is better, such as "
            "recall, ndcg or mrr. Set `max` instead."
        )


def _check_confident(
    threshold: Threshold, evaluation: Evaluation, with_intervals: list[str]
) -> None:
    name = f"Threshold of {threshold.metric!r}"
    if threshold.metric not in with_intervals:
        raise UserError(
            f"{name}: `confident` needs a metric with an interval: "
            f"{', '.join(with_intervals)}. Remove `confident`."
        )
    if not evaluation.bootstrap_replicates:
        raise UserError(
            f"{name}: `confident` needs `bootstrap_replicates` >= 1, received 0. Set "
            "it in `evaluation`, or remove `confident`."
        )
