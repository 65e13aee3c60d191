"""What cannot be evaluated is said before anything runs."""

from __future__ import annotations

import pytest
from google.protobuf import text_format

from ondevice_rec.components.topk_evaluator import config_check
from ondevice_rec.schemas.input_spec_pb2 import InputSpec
from ondevice_rec.schemas.pipeline_config_pb2 import Evaluation

INPUT_SPEC = """
    global_feature_groups {
      features { feature_name: "gender" feature_type: STRING } encoder_type: BOW }
    activity_feature_groups {
      features { feature_name: "context_item" feature_type: STRING column: "item" }
      encoder_type: BOW }
    label_feature { feature_name: "label_item" feature_type: STRING column: "item" }
"""


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("top_k: 0", "must hold numbers >= 1, received 0"),
        (
            'thresholds { metric: "recall@7" min: 1 }',
            "one of label_coverage, recall@1, .*, mrr, mean_rank, .*, received "
            "'recall@7'",
        ),
        (
            'slices: "age"',
            "names from history_length, item_popularity, cold_items, gender, item, "
            "received 'age'",
        ),
        (
            'slices: "gender" thresholds { metric: "mrr" slice: "item=a" min: 1 }',
            "one of gender=..., received 'item=a'",
        ),
        (
            'slices: "history_length" '
            'thresholds { metric: "mrr" slice: "history_length=5" min: 1 }',
            "history_length=1-5, history_length=6-20, .*received 'history_length=5'",
        ),
        (
            'thresholds { metric: "mrr" }',
            "`min`, `max`, `min_ratio` or `min_difference`, received none",
        ),
        ('thresholds { metric: "mrr" min: nan }', "`min` must be a number"),
        ('thresholds { metric: "mrr" min: 2 max: 1 }', "`min` must be <= `max`"),
        (
            'thresholds { metric: "mean_rank" min_ratio: 1 }',
            "more is better",
        ),
        ('thresholds { metric: "gini@10" min_difference: 0.1 }', "more is better"),
        (
            'thresholds { metric: "mrr" baseline: MARKOV min: 1 }',
            "`baseline` says what `min_ratio` and `min_difference` look at",
        ),
        (
            'thresholds { metric: "coverage@10" min: 0.1 confident: true }',
            "`confident` needs a metric with an interval: label_coverage, recall@1",
        ),
        (
            "bootstrap_replicates: 0 "
            'thresholds { metric: "mrr" min: 0.1 confident: true }',
            "`confident` needs `bootstrap_replicates` >= 1",
        ),
        ("bootstrap_replicates: -1", "must be from 0 to 10000, received -1"),
        (
            'slices: "gender" '
            'thresholds { metric: "coverage@10" slice: "gender=F" min: 0.1 }',
            "measured over all queries",
        ),
        (
            'measured: TFLITE thresholds { metric: "mrr" min: 0.1 }',
            "one of label_coverage, recall@1, .*received 'mrr'",
        ),
    ],
)
def test_an_impossible_configuration_is_an_error(config: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config_check.check(
            text_format.Parse(config, Evaluation()),
            text_format.Parse(INPUT_SPEC, InputSpec()),
        )


def test_a_tflite_file_has_no_metrics_past_what_it_recommends() -> None:
    config = Evaluation(top_k=[5, 20], measured=Evaluation.TFLITE)
    assert config_check.measured_top_k(config, 10) == (5,)
    with pytest.raises(ValueError, match="not above `num_predictions` 4"):
        config_check.check(config, None, 4)
    config.measured = Evaluation.SAVED_MODEL
    assert config_check.measured_top_k(config, 10) == (5, 20)
