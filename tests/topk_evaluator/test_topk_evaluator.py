"""The evaluator on timelines and models small enough to rank by brute force."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from google.protobuf import text_format
from tfx.components.util.model_utils import is_model_blessed
from tfx.types import channel_utils, standard_artifacts

from ondevice_rec.components.topk_evaluator import executor
from ondevice_rec.components.topk_evaluator.component import TopKEvaluator
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.export.assets import ModelAssets
from ondevice_rec.recommendation.spec import InputSpec, ModelHParams
from ondevice_rec.schemas.pipeline_config_pb2 import Evaluation

KEYS = {
    "item": ["[OOV]", "a", "b", "c", "d", "e", "f", "g"],
    "gender": ["[OOV]", "F", "M"],
}
INPUT_SPEC = """
    global_feature_groups {
      features { feature_name: "gender" feature_type: STRING vocab_size: 3
                 embedding_dim: 1 feature_length: 1 }
      encoder_type: BOW }
    activity_feature_groups {
      features { feature_name: "context_item" feature_type: STRING vocab_size: 8
                 embedding_dim: 1 feature_length: 3 }
      encoder_type: BOW }
    label_feature { feature_name: "label_item" feature_type: STRING vocab_size: 8
                    embedding_dim: 1 }
"""


def last_out(items: list[int], gender: int = 1) -> dict[str, Any]:
    """A timeline of which the last event is the target."""
    targets = [0] * (len(items) - 1) + [1]
    return {"items": items, "targets": targets, "gender": gender}


def queries(timeline: Mapping[str, Any]) -> list[tuple[list[int], int, int]]:
    """Each target's history, item and gender."""
    items = timeline["items"]
    return [
        (items[:i], item, timeline["gender"])
        for i, item in enumerate(items)
        if timeline["targets"][i] and i
    ]


def write_model(folder: Path, scores: np.ndarray) -> None:
    """A model that scores the items by the sum of the history's latest three ids.

    Args:
      folder: The model artifact's folder.
      scores: `[vocab_size, vocab_size]`, a row for each sum modulo 8.
    """
    module = tf.Module()
    module.scores = tf.Variable(scores, dtype=tf.float32)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 3], tf.int32, name="context_item"),
            tf.TensorSpec([None, 1], tf.int32, name="gender"),
        ]
    )
    def score(context_item: tf.Tensor, gender: tf.Tensor) -> dict[str, tf.Tensor]:
        number = tf.reduce_sum(context_item, axis=1) % 8 + 0 * gender[:, 0]
        return {"scores": tf.gather(module.scores, number)}

    saved = folder / "Format-Serving"
    tf.saved_model.save(module, str(saved), signatures={"score": score})
    spec = text_format.Parse(INPUT_SPEC, InputSpec())
    hparams = ModelHParams([], [10], [], conv_kernel_size=4, lstm_num_units=1)
    export.write_assets(str(saved), ModelAssets(spec, hparams, KEYS))


@pytest.fixture
def evaluate(kit: Any) -> Any:
    """Runs the executor; returns the artifacts `evaluation` and `blessing`."""

    def run(
        folder: Path, scores: np.ndarray, splits: Mapping[str, Any], config: str = ""
    ) -> tuple[Any, Any]:
        kit.write_examples(folder / "examples", splits)
        write_model(folder / "model", scores)
        return kit.run(folder / "examples", folder / "model", folder, config)

    return run


def rank_of(scores: Sequence[float], item: int) -> int:
    """Pessimistic rank among the items; id 0 is none, and cannot be found."""
    if item == 0:
        return len(scores)
    others = (s for id_, s in enumerate(scores) if id_ not in (0, item))
    return 1 + sum(other >= scores[item] for other in others)


def expected_metrics(ranks: Sequence[int], k: int) -> dict[str, float]:
    found = [rank if rank < 8 else np.inf for rank in ranks]
    return {
        f"recall@{k}": float(np.mean([rank <= k for rank in found])),
        f"ndcg@{k}": float(
            np.mean([1 / np.log2(rank + 1) if rank <= k else 0 for rank in found])
        ),
        f"mrr@{k}": float(np.mean([1 / rank if rank <= k else 0 for rank in found])),
        "mrr": float(np.mean([1 / rank for rank in found])),
        "mean_rank": float(np.mean(ranks)),
        "query_count": len(ranks),
    }


def random_timelines(rng: np.random.Generator, count: int) -> list[dict[str, Any]]:
    """Up to 30 events of items 0 (out-of-vocabulary) to 7, the low ones popular."""
    found = []
    for _ in range(count):
        length = int(rng.integers(1, 30))
        items = np.minimum(rng.geometric(0.35, length), 8) % 8
        targets = rng.integers(0, 2, length)
        gender = int(rng.integers(0, 3))
        found.append(
            {"items": items.tolist(), "targets": targets.tolist(), "gender": gender}
        )
    return found


def history_bucket(length: int) -> str:
    return "1-5" if length <= 5 else "6-20" if length <= 20 else "21-100"


def test_metrics_and_slices_agree_with_brute_force(
    evaluate: Any, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    # Rounded, so that there are ties.
    scores = rng.normal(size=(8, 8)).round(0)
    train = [random_timelines(rng, 20), random_timelines(rng, 15)]
    train[0][0]["overlap"] = len(train[0][0]["items"])
    test = [random_timelines(rng, 40), [], random_timelines(rng, 30)]
    evaluation, _ = evaluate(
        tmp_path,
        scores,
        {"train": train, "test": test},
        'top_k: [2, 5] slices: ["history_length", "gender", "item"]',
    )

    counts = np.zeros(8)
    for timeline in (t for shard in train for t in shard):
        for item in timeline["items"][timeline.get("overlap", 0) :]:
            counts[item] += 1
    ranks: dict[str, list[tuple[int, int]]] = {}
    for history, item, gender in (q for s in test for t in s for q in queries(t)):
        latest = [0, *(i for i in history[-3:] if i)][-1]
        row = scores[sum(history[-3:]) % 8]
        pair = (rank_of(row, item), rank_of(counts, item))
        for name in (
            "overall",
            f"history_length={history_bucket(len(history))}",
            f"gender={KEYS['gender'][gender]}",
            f"item={KEYS['item'][latest]}",
        ):
            ranks.setdefault(name, []).append(pair)

    content = json.loads(Path(evaluation.uri, "metrics.json").read_text())
    assert set(content["slices"]) == set(ranks)
    assert len(ranks) > 10
    for name, pairs in ranks.items():
        for k in (2, 5):
            for side, model in enumerate(("candidate", "popularity")):
                expected = expected_metrics([pair[side] for pair in pairs], k)
                found = content["slices"][name][model]
                assert expected == pytest.approx(
                    {metric: found[metric] for metric in expected}, abs=1e-7
                )
    overall = content["slices"]["overall"]
    properties = evaluation.get_float_custom_property
    assert properties("ndcg@5") == pytest.approx(overall["candidate"]["ndcg@5"])
    assert properties("popularity_mrr") == pytest.approx(overall["popularity"]["mrr"])
    assert evaluation.get_int_custom_property("query_count") == len(ranks["overall"])


# Items 1 to 7 with 7 down to 1 training events; each is followed by the next one.
TRAIN = [[last_out([item] * (8 - item)) for item in range(1, 8)]]
TEST = [[last_out([item, item % 7 + 1], 1 + item % 2) for item in range(1, 8)]]
GOOD = np.roll(np.eye(8), 1, axis=1)
GOOD[7] = np.eye(8)[1]
POPULAR = np.tile([0.0, 7, 6, 5, 4, 3, 2, 1], (8, 1))


def refusal(blessing: Any) -> str:
    assert not is_model_blessed(blessing)
    assert blessing.get_int_custom_property("blessed") == 0
    assert Path(blessing.uri, "NOT_BLESSED").exists()
    assert not Path(blessing.uri, "BLESSED").exists()
    text = Path(blessing.uri, "refusal.txt").read_text()
    stored: str = blessing.get_string_custom_property("refusal")
    assert text.splitlines() == stored.split("; ")
    return stored


def test_a_good_model_is_blessed_as_tfx_blesses_it(
    evaluate: Any, tmp_path: Path
) -> None:
    config = """
        slices: "gender"
        thresholds { metric: "recall@1" min: 1 }
        thresholds { metric: "mean_rank" slice: "gender=F" max: 1 }
        thresholds { metric: "mrr" min_ratio: 1.5 }
        thresholds { metric: "query_count" min: 7 }
    """
    _, blessing = evaluate(tmp_path, GOOD, {"train": TRAIN, "test": TEST}, config)
    assert is_model_blessed(blessing)
    assert Path(blessing.uri, "BLESSED").read_text() == ""
    assert [p.name for p in Path(blessing.uri).iterdir()] == ["BLESSED"]
    # What TFX's LatestBlessedModelStrategy looks for.
    assert blessing.get_int_custom_property("current_model_id") == 17
    assert blessing.get_string_custom_property("current_model").endswith("model")


def test_a_model_equal_to_popularity_is_refused(evaluate: Any, tmp_path: Path) -> None:
    _, blessing = evaluate(tmp_path, POPULAR, {"train": TRAIN, "test": TEST})
    assert "ndcg@10" in refusal(blessing)
    assert "not better than the popularity model's" in refusal(blessing)


def test_constant_scores_are_ranked_last_and_refused(
    evaluate: Any, tmp_path: Path
) -> None:
    evaluation, blessing = evaluate(
        tmp_path, np.ones((8, 8)), {"train": TRAIN, "test": TEST}
    )
    assert evaluation.get_float_custom_property("mean_rank") == 7
    assert refusal(blessing)


def test_a_model_with_broken_weights_is_refused_for_it(
    evaluate: Any, tmp_path: Path
) -> None:
    scores = GOOD.copy()
    scores[3, 5], scores[4, 2] = np.nan, np.inf
    _, blessing = evaluate(tmp_path, scores, {"train": TRAIN, "test": TEST})
    assert refusal(blessing).startswith("2 of the model's weights are NaN or infinite")


def test_metrics_that_are_no_numbers_end_in_a_refusal_and_not_in_an_error(
    evaluate: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = executor.results

    def broken(*arguments: Any) -> Any:
        found = genuine(*arguments)
        for result in found.values():
            result.metrics["candidate"] |= {"ndcg@5": np.nan, "mrr": np.inf}
        return found

    monkeypatch.setattr(executor, "results", broken)
    config = 'slices: "gender"'
    evaluation, blessing = evaluate(
        tmp_path, GOOD, {"train": TRAIN, "test": TEST}, config
    )
    assert "metrics are no numbers: ndcg@5 is nan, mrr is inf" in refusal(blessing)
    assert not evaluation.has_custom_property("mrr")
    # Any reader of JSON takes what is stored.
    for text in (
        Path(evaluation.uri, "metrics.json").read_text(),
        evaluation.get_string_custom_property("slice_metrics"),
        evaluation.get_string_custom_property("intervals"),
    ):
        json.loads(text, parse_constant=pytest.fail)
    tfma.load_eval_result(evaluation.uri)


def test_missed_thresholds_are_named_with_their_slice(
    evaluate: Any, tmp_path: Path
) -> None:
    config = """
        slices: ["gender", "history_length"]
        thresholds { metric: "recall@1" min: 0.9 }
        thresholds { metric: "mrr" slice: "gender=F" min: 0.75 max: 0.8 }
        thresholds { metric: "mrr" slice: "gender=M" min_ratio: 9 }
        thresholds { metric: "mrr" slice: "history_length=101+" min: 0 }
    """
    _, blessing = evaluate(tmp_path, GOOD, {"train": TRAIN, "test": TEST}, config)
    # Popularity finds items 2, 4 and 6 (F) or 3, 5, 7 and 1 (M) at their own number:
    # users of items 2, 4, 6 are F (1 + item % 2 = 1) and go on to 3, 5, 7.
    popular = (1 / 2 + 1 / 4 + 1 / 6 + 1 / 1) / 4
    assert refusal(blessing) == (
        "mrr on gender=F is 1, above the maximum 0.8; "
        f"mrr on gender=M is 1, below 9 times the popularity model's {popular:.6g}; "
        "mrr on history_length=101+ cannot be measured: the slice has no query"
    )
    result = tfma.load_validation_result(str(tmp_path / "evaluation"))
    assert not result.validation_ok
    failures = {
        message.slice_key.single_slice_keys[0].bytes_value: message.failures[0]
        for message in result.metric_validations_per_slice
    }
    assert failures[b"F"].metric_key.name == "mrr"
    assert failures[b"F"].metric_threshold.value_threshold.upper_bound.value == 0.8
    assert failures[b"F"].metric_value.double_value.value == 1
    assert len(result.missing_slices) == 1


def test_tfma_opens_the_results(evaluate: Any, tmp_path: Path) -> None:
    evaluation, _ = evaluate(
        tmp_path, GOOD, {"train": TRAIN, "test": TEST}, 'slices: "item_popularity"'
    )
    result = tfma.load_eval_result(evaluation.uri)
    metrics = {key: values[""][""] for key, values in result.slicing_metrics}
    # 28 events: items 1 and 2 have 13 of them, so 3 is the last one of the head; 4
    # and 5 bring it to 25, and 6 begins before 25.2.
    assert set(metrics) == {
        (),
        (("item_popularity", "head"),),
        (("item_popularity", "torso"),),
        (("item_popularity", "tail"),),
    }
    # With an interval, since all the users were found.
    assert metrics[()]["recall@1"]["boundedValue"] == {
        "value": 1, "lowerBound": 1, "upperBound": 1
    }  # fmt: skip
    assert metrics[(("item_popularity", "tail"),)]["recall@1"] == {"doubleValue": 1}
    assert metrics[(("item_popularity", "head"),)]["query_count"]["doubleValue"] == 3
    assert metrics[(("item_popularity", "torso"),)]["query_count"]["doubleValue"] == 3
    assert metrics[()]["recall@1_diff"]["doubleValue"] == pytest.approx(6 / 7)
    popular = tfma.load_eval_result(evaluation.uri, model_name="popularity")
    overall = dict(popular.slicing_metrics)[()][""][""]
    assert overall["recall@1"]["boundedValue"]["value"] == pytest.approx(1 / 7)
    markov = tfma.load_eval_result(evaluation.uri, model_name="markov")
    assert dict(markov.slicing_metrics)[()][""][""]["query_count"]["doubleValue"] == 7
    assert tfma.load_validation_result(evaluation.uri).validation_ok


def test_tfmas_views_show_the_results(
    evaluate: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation, _ = evaluate(
        tmp_path, GOOD, {"train": TRAIN, "test": TEST}, 'slices: "gender"'
    )
    shown: list[Any] = []
    # What TFMA hands over to its widgets' JavaScript.
    monkeypatch.setattr(
        tfma.view.widget_view.visualization,
        "render_slicing_metrics",
        lambda data, *_, **__: shown.append(data),
    )
    monkeypatch.setattr(
        tfma.view.widget_view.visualization,
        "render_time_series",
        lambda data, *_, **__: shown.append(data),
    )
    result = tfma.load_eval_result(evaluation.uri)
    tfma.view.render_slicing_metrics(result, slicing_column="gender")
    assert [(row["slice"], row["metrics"][""][""]["recall@1"]) for row in shown[0]] == [
        ("gender:F", {"doubleValue": 1.0}),
        ("gender:M", {"doubleValue": 1.0}),
    ]
    history = tfma.load_eval_results([evaluation.uri], model_name="candidate")
    tfma.view.render_time_series(history)
    (overall,) = (row["metrics"][""][""] for row in shown[1])
    assert overall["recall@1"]["boundedValue"]["value"] == 1


def test_cold_items_are_measured_on_their_own(evaluate: Any, tmp_path: Path) -> None:
    evaluation, _ = evaluate(
        tmp_path,
        GOOD,
        {"train": TRAIN, "test": [*TEST, [last_out([4, 0])]]},
        'slices: "cold_items" cold_item_events: 3',
    )
    found = json.loads(Path(evaluation.uri, "metrics.json").read_text())["slices"]
    # Items 6 and 7 have two events and one.
    assert {name: entry["queries"] for name, entry in found.items()} == {
        "overall": 8, "cold_items=warm": 5, "cold_items=cold": 2,
        "cold_items=unknown": 1,
    }  # fmt: skip
    assert found["cold_items=unknown"]["candidate"]["recall@20"] == 0
    assert found["overall"]["candidate"]["label_coverage"] == 7 / 8


def test_intervals_of_all_queries_and_where_a_threshold_asks(
    evaluate: Any, tmp_path: Path
) -> None:
    evaluation, _ = evaluate(
        tmp_path,
        GOOD,
        {"train": TRAIN, "test": TEST},
        'slices: ["gender", "cold_items"] '
        'thresholds { metric: "mrr" slice: "gender=F" min: 0.1 confident: true }',
    )
    found = json.loads(Path(evaluation.uri, "metrics.json").read_text())
    intervals = found["bootstrap"]["slices"]
    assert set(intervals) == {"overall", "gender=F"}
    low, high = intervals["overall"]["intervals"]["popularity"]["mrr"]
    assert low < found["slices"]["overall"]["popularity"]["mrr"] < high
    compared = intervals["overall"]["comparisons"]["popularity"]["mrr"]
    # The model finds everything: 1 less the popularity model's.
    assert compared["difference"] == pytest.approx([1 - high, 1 - low])
    assert compared["ratio"] == pytest.approx([1 / high, 1 / low])
    stored = json.loads(evaluation.get_string_custom_property("intervals"))
    assert stored["mrr"] == [1, 1]


def test_a_test_split_without_a_query_is_an_error(
    evaluate: Any, tmp_path: Path
) -> None:
    lonely = [[{"items": [3], "targets": [1]}, {"items": [3, 4], "targets": [0, 0]}]]
    with pytest.raises(ValueError, match="No query in the test split"):
        evaluate(tmp_path, GOOD, {"train": TRAIN, "test": lonely})
    assert not (tmp_path / "blessing").exists()


def test_an_impossible_configuration_is_an_error_at_construction() -> None:
    def channel(kind: Any) -> Any:
        return channel_utils.as_channel([kind()])

    with pytest.raises(ValueError, match="`metric` of a threshold must be one of"):
        TopKEvaluator(
            examples=channel(standard_artifacts.Examples),
            model=channel(standard_artifacts.Model),
            evaluation=text_format.Parse(
                'thresholds { metric: "recall@7" min: 1 }', Evaluation()
            ),
        )


def test_a_column_that_only_the_model_knows_to_be_missing_is_an_error(
    evaluate: Any,
    tmp_path: Path,
) -> None:
    with pytest.raises(ValueError, match="received 'age'"):
        evaluate(tmp_path, GOOD, {"train": TRAIN, "test": TEST}, 'slices: "age"')
