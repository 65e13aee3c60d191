"""What a model must be better than."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from google.protobuf import text_format

from ondevice_rec.components.topk_evaluator import gate
from ondevice_rec.components.topk_evaluator.results import SliceResult
from ondevice_rec.schemas.pipeline_config_pb2 import Evaluation

MODELS = ("candidate", "popularity", "markov", "blessed")
VALUES = (0.30, 0.20, 0.25, 0.29)


def result(replicates: Sequence[Sequence[float]] = ()) -> SliceResult:
    """Values of ndcg@10, and their replicates, of the models."""
    return SliceResult(
        100,
        {m: {"ndcg@10": v} for m, v in zip(MODELS, VALUES, strict=True)},
        {m: {"ndcg@10": np.array(r)} for m, r in zip(MODELS, replicates, strict=False)},
    )


def refusals(
    threshold: str, found: SliceResult | None = None, left_out: str = ""
) -> str:
    config = text_format.Parse(
        f'thresholds {{ metric: "ndcg@10" {threshold} }}', Evaluation()
    )
    checks = gate.checks(config, {"overall": found or result()}, (10,), left_out)
    assert all(check.refusal or gate.reason([check]) for check in checks)
    return "; ".join(check.refusal for check in checks if check.refusal)


@pytest.mark.parametrize(
    ("threshold", "refusal"),
    [
        ("min_ratio: 1.49", ""),
        ("min_ratio: 1.6", "is 0.3, below 1.6 times the popularity model's 0.2"),
        ("baseline: MARKOV min_ratio: 1.19", ""),
        (
            "baseline: MARKOV min_ratio: 1.3",
            "is 0.3, below 1.3 times the last-item (Markov) model's 0.25",
        ),
        ("baseline: BLESSED min_difference: 0.0099", ""),
        (
            "baseline: BLESSED min_difference: 0.02",
            "is 0.3, less than 0.02 above the latest blessed model's 0.29",
        ),
        ("min: 0.2 max: 0.29", "is 0.3, above the maximum 0.29"),
    ],
)
def test_the_value_decides(threshold: str, refusal: str) -> None:
    assert refusals(threshold) == (refusal and f"ndcg@10 {refusal}")


def test_with_confidence_the_whole_interval_must_pass() -> None:
    # In a replicate in which the model is worse, popularity is too.
    own = np.linspace(0.25, 0.35, 101)
    found = result([own, own / 1.5, np.full(101, 0.25)])
    assert refusals("min: 0.29") == ""
    # 2.5 % of 101 replicates lie below the third or fourth.
    assert refusals("min: 0.2515 confident: true", found) == ""
    assert refusals("min: 0.2535 confident: true", found).startswith(
        "ndcg@10 is 0.3, but may be below the minimum 0.2535: its 95 % interval is 0.25"
    )
    assert refusals("min_ratio: 1.49 confident: true", found) == ""
    assert "may be below 1.05 times" in refusals(
        "baseline: MARKOV min_ratio: 1.05 confident: true", found
    )


def test_a_threshold_on_a_blessed_model_that_is_not_there_is_left_out() -> None:
    config = text_format.Parse(
        'thresholds { metric: "ndcg@10" baseline: BLESSED min_ratio: 9 }', Evaluation()
    )
    checks = gate.checks(config, {"overall": result()}, (10,), "there is none yet")
    assert not any(check.refusal for check in checks)
    assert gate.reason(checks) == (
        "ndcg@10 is 0.3, at least 1 times the popularity model's 0.2; ndcg@10 is not "
        "held against the latest blessed model: there is none yet"
    )


def test_metrics_that_are_no_numbers_are_refused_by_name() -> None:
    metrics = {"mrr": float("inf"), "ndcg@10": 0.5, "novelty@10": float("nan")}
    broken = SliceResult(9, {"candidate": metrics})
    found = gate.not_numbers({"overall": broken, "gender=F": broken})
    assert found == [
        "metrics are no numbers: mrr is inf, novelty@10 is nan, mrr on gender=F is inf "
        "and 1 more"
    ]
    assert gate.not_numbers({"overall": result()}) == []
