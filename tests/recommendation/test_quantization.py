"""Quantized exports: their size, and that they recommend about the same."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from ondevice_rec.recommendation.config import ExportFormat, QuantizationConfig
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.ondevice.interpreter import Interpreter
from ondevice_rec.schemas.errors import UserError

RATING = """
activity_feature_groups { features { feature_name: "context_rating"
  feature_type: FLOAT feature_length: 2 } }
"""
ITEMS = 400


class Windows:
    """What a `DataLoader` gives to calibrate with."""

    def __init__(self, count: int = 50) -> None:
        rng = np.random.default_rng(0)
        self.features = {
            "context_item": rng.integers(1, ITEMS, (count, 7)).astype(np.int32),
            "context_rating": rng.random((count, 2)).astype(np.float32) * 5,
        }

    def gen_dataset(self, batch_size: int = 1, is_training: bool = False):
        assert not is_training
        label = np.zeros(len(self.features["context_item"]), np.int32)
        windows = tf.data.Dataset.from_tensor_slices((self.features, label))
        return windows.batch(batch_size)

    def recommend(self, tflite: bytes) -> tuple[np.ndarray, np.ndarray]:
        interpreter = Interpreter(tflite)
        found = [
            interpreter({name: values[i] for name, values in self.features.items()})
            for i in range(len(self.features["context_item"]))
        ]
        ids, scores = zip(*found, strict=True)
        return np.stack(ids), np.stack(scores)


@pytest.fixture(scope="module")
def saved(kit, tmp_path_factory):
    """Folders of saved models by encoder."""
    folders = {}
    for encoder in ("CNN", "LSTM"):
        keras.utils.set_random_seed(1)
        item = kit.item_group(7, encoder, vocab_size=ITEMS, embedding_dim=32)
        spec = kit.input_spec(item + RATING, vocab_size=ITEMS, embedding_dim=32)
        hparams = kit.hparams(projection_activation="linear", num_predictions=10)
        folders[encoder] = str(tmp_path_factory.mktemp("model") / encoder)
        keys = ["[OOV]", *(f"m{i}" for i in range(1, ITEMS))]
        export.save(
            RecommendationModel(spec, hparams), folders[encoder], {"item": keys}
        )
    return folders


@pytest.fixture(scope="module")
def exact(saved):
    return export.convert_to_tflite(saved["CNN"])


@pytest.mark.parametrize(
    ("quantization", "size", "overlap", "tolerance"),
    [
        # Bytes a weight, of 4; the rest of the file stays.
        (QuantizationConfig.for_float16(), 2, 0.99, 1e-3),
        (QuantizationConfig.for_dynamic(), 1, 0.9, 0.02),
        (QuantizationConfig.for_int8(Windows()), 1, 0.85, 0.06),
        (
            QuantizationConfig.for_int8(
                Windows(), 20, tf.int8, tf.float32, tf.lite.OpsSet.TFLITE_BUILTINS_INT8
            ),
            1,
            0.85,
            0.06,
        ),
    ],
)
def test_a_quantized_model_is_smaller_and_recommends_about_the_same(
    saved, exact, quantization, size, overlap, tolerance
):
    quantized = export.convert_to_tflite(saved["CNN"], quantization)
    weights = 2 * ITEMS * 32
    assert len(exact) - len(quantized) >= (4 - size) * weights
    windows = Windows(200)
    ids, scores = windows.recommend(exact)
    found_ids, found_scores = windows.recommend(quantized)
    shared = [len(set(a) & set(b)) / 10 for a, b in zip(ids, found_ids, strict=True)]
    assert np.mean(shared) >= overlap
    np.testing.assert_allclose(found_scores, scores, atol=tolerance)


def test_a_calibrated_transformer_recommends_about_the_same(kit, tmp_path):
    keras.utils.set_random_seed(1)
    item = kit.item_group(7, "TRANSFORMER", vocab_size=ITEMS, embedding_dim=32)
    spec = kit.input_spec(item + RATING, vocab_size=ITEMS, embedding_dim=32)
    hparams = kit.hparams(projection_activation="linear", num_predictions=10)
    keys = ["[OOV]", *(f"m{i}" for i in range(1, ITEMS))]
    model = RecommendationModel(spec, hparams)
    export.save(model, str(tmp_path / "saved"), {"item": keys})
    windows = Windows(200)
    # Most contexts of real users are shorter than the input.
    for row, length in enumerate(np.random.default_rng(3).integers(1, 8, 200)):
        windows.features["context_item"][row, length:] = 0
    ids, scores = windows.recommend(export.convert_to_tflite(str(tmp_path / "saved")))
    keras_ids, keras_scores = model.recommend(windows.features)
    np.testing.assert_allclose(scores, keras_scores, atol=1e-6)
    assert (ids == np.asarray(keras_ids)).mean() > 0.999
    quantized = export.convert_to_tflite(
        str(tmp_path / "saved"),
        QuantizationConfig.for_int8(
            windows, inference_input_type="float32", inference_output_type="float32"
        ),
    )
    found_ids, _ = windows.recommend(quantized)
    shared = [len(set(a) & set(b)) / 10 for a, b in zip(ids, found_ids, strict=True)]
    # 0.5 where the mask of attention takes all of the 8 bits.
    assert np.mean(shared) >= 0.8


def test_both_signatures_are_quantized_unless_calibrated(saved):
    for quantization, expected in (
        (
            QuantizationConfig.for_dynamic(),
            ["serving_default", "serving_default_batch"],
        ),
        (QuantizationConfig.for_int8(Windows()), ["serving_default"]),
    ):
        content = export.convert_to_tflite(saved["CNN"], quantization)
        interpreter = tf.lite.Interpreter(model_content=content)
        assert sorted(interpreter.get_signature_list()) == expected


def test_a_loop_cannot_be_calibrated(saved):
    with pytest.raises(UserError, match=r"operation While.*cannot be calibrated"):
        export.convert_to_tflite(saved["LSTM"], QuantizationConfig.for_int8(Windows()))
    smaller = export.convert_to_tflite(saved["LSTM"], QuantizationConfig.for_dynamic())
    assert len(smaller) < len(export.convert_to_tflite(saved["LSTM"]))


def test_a_loop_takes_16_bit_weights(saved):
    exact = export.convert_to_tflite(saved["LSTM"])
    half = export.convert_to_tflite(saved["LSTM"], QuantizationConfig.for_float16())
    assert len(half) < 0.7 * len(exact)
    windows = Windows(100)
    ids, scores = windows.recommend(exact)
    found_ids, found_scores = windows.recommend(half)
    assert np.mean(found_ids == ids) >= 0.95
    np.testing.assert_allclose(found_scores, scores, atol=1e-3)


def test_the_defaults_are_model_makers():
    plain = QuantizationConfig()
    assert plain.optimizations == ["DEFAULT"]
    assert plain.quantization_steps is None
    windows = Windows()
    assert QuantizationConfig(representative_data=windows).quantization_steps == 500
    full = QuantizationConfig.for_int8(windows)
    assert (full.inference_input_type, full.inference_output_type) == ("uint8", "uint8")
    assert full.supported_ops == ["TFLITE_BUILTINS_INT8"]
    assert QuantizationConfig.for_float16().supported_types == ["float16"]
    assert [each.name for each in ExportFormat] == [
        "TFLITE",
        "SAVED_MODEL",
        "LABEL",
        "VOCAB",
        "TFJS",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inference_input_type": tf.int64}, "one of float32, uint8, int8, received"),
        ({"inference_output_type": "int4"}, "one of float32, uint8, int8"),
        ({"quantization_steps": 0}, "`quantization_steps` must be >= 1, received 0"),
    ],
)
def test_an_impossible_value_is_an_error_at_construction(changes, message):
    with pytest.raises(UserError, match=message):
        QuantizationConfig(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizations": "SMALL"}, "of DEFAULT.*received 'SMALL'"),
        ({"supported_ops": ["TFLITE"]}, "of TFLITE_BUILTINS.*received 'TFLITE'"),
        ({"supported_types": "float17"}, "must be types, received"),
        ({"representative_data": Windows(0)}, "must hold a window"),
    ],
)
def test_an_impossible_value_is_an_error_at_conversion(saved, changes, message):
    with pytest.raises(UserError, match=message):
        export.convert_to_tflite(saved["CNN"], QuantizationConfig(**changes))
