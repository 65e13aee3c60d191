"""Variants of the model: measured, and refused past their budgets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ondevice_rec.components.tflite_pusher import budgets, manifest, verification
from ondevice_rec.components.tflite_pusher.variants import Exported
from ondevice_rec.recommendation.export.tflite_operators import not_built_in, operators
from ondevice_rec.recommendation.ondevice.version_folder import open_version, versions
from ondevice_rec.recommendation.recommender import Recommender
from ondevice_rec.schemas.pipeline_config_pb2 import Variant

Push = Callable[..., Any]

ALL = """
    variants { precision: FLOAT32 }
    variants { precision: FLOAT16 }
    variants { precision: INT8_WEIGHTS }
    variants { precision: INT8 }
    verification_timelines: 60
"""
FEATURES = {"context_genre": ["Drama", "Comedy", "Western"]}


def test_every_variant_is_pushed_measured_and_runs(push: Push, tmp_path: Path) -> None:
    pushed = push(tmp_path, serving=ALL)
    version = open_version(tmp_path / "serving")
    version.check_files()
    variants = version.manifest["variants"]
    assert [(each["precision"], each["file"]) for each in variants] == [
        ("FLOAT32", "model.tflite"),
        ("FLOAT16", "model_float16.tflite"),
        ("INT8_WEIGHTS", "model_int8_weights.tflite"),
        ("INT8", "model_int8.tflite"),
    ]
    history = ["m3", "m29", "m7"]
    exact = Recommender.from_version(version.path).recommend(history, features=FEATURES)
    for variant in variants:
        content = (version.path / variant["file"]).read_bytes()
        assert variant["refusal"] is None
        assert variant["size"] == len(content)
        assert variant["queries"] == variant["latency_us"]["calls"] == 60
        assert 0 < variant["latency_us"]["p50"] <= variant["latency_us"]["p99"]
        assert "TOPK_V2" in variant["operators"]
        assert variant["operators"] == operators(content)
        # The same signature for each: apps exchange the file alone.
        recommender = Recommender.from_version(version.path, variant["file"])
        found = recommender.recommend(history, features=FEATURES)
        assert len(found) == 5
        assert [item.score for item in found] == pytest.approx(
            [item.score for item in exact], abs=0.1
        )
        name = variant["precision"].lower()
        number = pushed.get_float_custom_property
        assert number(f"{name}_ndcg@5") == variant["ndcg@5"]
        assert number(f"{name}_latency_p50_us") == variant["latency_us"]["p50"]
        size = pushed.get_int_custom_property(f"{name}_model_size_bytes")
        assert size == len(content)
    assert variants[0]["overlap@5"] == variants[0]["agreement"] == 1
    assert variants[0]["ndcg_loss"] == 0
    assert variants[1]["overlap@5"] > 0.95
    assert version.manifest["verification"]["agreement"] == 1
    with pytest.raises(ValueError, match=r"has no model_int4.tflite; it has model"):
        Recommender.from_version(version.path, "model_int4.tflite")


def test_a_variant_past_its_budget_is_left_out_with_the_figures(
    push: Push, tmp_path: Path
) -> None:
    budgets = """
        variants { max_size_bytes: 99999 max_latency_p50_us: 99999 max_ndcg_loss: 0 }
        variants { precision: FLOAT16 max_size_bytes: 1000 }
        verification_timelines: 20
    """
    pushed = push(tmp_path, serving=budgets)
    version = open_version(tmp_path / "serving")
    assert not (version.path / "model_float16.tflite").exists()
    first, second = version.manifest["variants"]
    assert first["refusal"] is None
    assert second["file"] is None
    size = second["size"]
    reason = f"it has {size:,} bytes, over `max_size_bytes` 1,000"
    assert second["refusal"] == reason
    refused = pushed.get_string_custom_property("refused_variants")
    assert refused == f"FLOAT16: {reason}"
    assert pushed.get_int_custom_property("pushed") == 1


def test_nothing_is_pushed_where_the_first_variant_is_past_its_budget(
    push: Push, tmp_path: Path
) -> None:
    budgets = """
        variants { precision: FLOAT16 max_size_bytes: 1000 max_latency_p50_us: 1 }
        variants { precision: FLOAT32 }
        verification_timelines: 20
    """
    pushed = push(tmp_path, serving=budgets)
    assert versions(tmp_path / "serving") == []
    assert pushed.get_int_custom_property("pushed") == 0
    refusal = pushed.get_string_custom_property("refusal")
    assert refusal.startswith("the variant that apps load, FLOAT16, is refused: it has")
    assert "over `max_size_bytes` 1,000; one call takes" in refusal
    assert "over `max_latency_p50_us` 1" in refusal
    assert pushed.get_float_custom_property("float16_latency_p50_us") > 0


def test_popular_items_are_those_with_most_training_events(
    push: Push, world: dict[str, Any], tmp_path: Path
) -> None:
    push(tmp_path, serving="verification_timelines: 5")
    files = f"{world['examples'].uri}/Split-train/data-00000.gz"
    counts = np.zeros(30, int)
    for record in tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        ids, targets = (features[n].int64_list.value for n in ("item", "target"))
        for id_, target in zip(ids, targets, strict=True):
            counts[id_] += target
    folder = open_version(tmp_path / "serving").path
    listed = json.loads((folder / "popular.json").read_text())
    assert dict(listed) == {
        id_: count for id_, count in enumerate(counts) if id_ and count
    }
    order = [(-events, id_) for id_, events in listed]
    assert order == sorted(order)
    for recommender in (
        Recommender.from_version(folder),
        Recommender.from_tflite(folder / "model.tflite"),
    ):
        found = recommender.recommend([], 3)
        assert [item.key for item in found] == [f"m{id_}" for id_, _ in listed[:3]]


def test_measures_are_those_worked_out_by_hand() -> None:
    ids = np.array([[1, 2, 3], [4, 5, 6]])
    scores = np.array([[0.9, 0.5, 0.4], [0.8, 0.7, 0.1]])
    found = verification.compare(
        ids,
        scores,
        np.array([[1, 2, 3], [7, 4, 6]]),
        scores + np.array([[0, 0, 0], [0, 0.05, 0]]),
        # The model has them in the second and the first place, TFLite both second.
        np.array([2, 4]),
        [3e-6, 5e-6],
    )
    second = 1 / np.log2(3)
    assert (found.queries, found.k) == (2, 3)
    assert (found.identical, found.agreement) == (0.5, 0.5)
    # All three, and 4 and 6 of 4, 5, 6.
    assert found.overlap == pytest.approx(5 / 6)
    assert found.max_score_difference == pytest.approx(0.05)
    assert (found.recall, found.model_recall) == (1, 1)
    assert found.ndcg == pytest.approx(second)
    assert found.model_ndcg == pytest.approx((second + 1) / 2)
    assert found.ndcg_loss == pytest.approx(1 - second / ((second + 1) / 2))
    assert found.p50_us == pytest.approx(4)


def test_an_unknown_label_is_a_miss() -> None:
    ids, scores = np.array([[1, 2]]), np.array([[0.9, 0.5]])
    found = verification.compare(ids, scores, ids, scores, np.array([0]), [1e-6])
    assert (found.recall, found.ndcg, found.ndcg_loss) == (0, 0, 0)


def test_operations_outside_tflite_are_found_in_the_flatbuffer() -> None:
    @tf.function(input_signature=[tf.TensorSpec([4, 4], tf.float32)])
    def det(x: tf.Tensor) -> tf.Tensor:
        return tf.linalg.det(x) + tf.nn.relu(x)

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [det.get_concrete_function()]
    )
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    assert not_built_in(converter.convert()) == ["CUSTOM(FlexMatrixDeterminant)"]


def test_a_variant_whose_scores_are_no_numbers_is_refused() -> None:
    ids, scores = np.array([[1, 2]]), np.array([[0.9, np.nan]])
    measured = verification.compare(ids, scores, ids, scores, np.array([1]), [1e-6])
    double = tf.function(lambda x: x + x, [tf.TensorSpec([2])])
    content = tf.lite.TFLiteConverter.from_concrete_functions(
        [double.get_concrete_function()]
    ).convert()
    exported = Exported(Variant(precision=Variant.INT8), "model_int8.tflite", content)
    refusal = budgets.refusal(exported, measured)
    assert refusal == "its scores are not numbers (NaN or infinite)"
    (described,) = manifest.describe_variants([exported], [measured], [refusal])
    assert described["max_score_difference"] is None
