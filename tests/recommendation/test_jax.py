"""What was trained on JAX is the same model in TensorFlow and on a device."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from ondevice_rec.recommendation.encoders import ENCODERS
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import EncoderType, InputSpec, ModelHParams

GROUPS = """
global_feature_groups {{ features {{ feature_name: "age" feature_type: INT vocab_size: 5
  embedding_dim: 2 feature_length: 1 }} }}
activity_feature_groups {{ encoder_type: {encoder}
  features {{ feature_name: "context_item" feature_type: STRING vocab_size: 20
    embedding_dim: 4 feature_length: 7 }}
  features {{ feature_name: "context_year" feature_type: INT vocab_size: 6
    embedding_dim: 4 feature_length: 7 }} }}
"""
NAMES = [EncoderType.Name(number) for number in sorted(ENCODERS)]


@pytest.fixture(scope="module")
def features():
    """Histories of one item each, some padded, one empty."""
    rng = np.random.default_rng(0)
    item = np.repeat(rng.integers(1, 20, (256, 1)), 7, axis=1)
    year = rng.integers(1, 6, (256, 7))
    item[:3, 4:] = year[:3, 4:] = item[3] = year[3] = 0
    return {
        "age": rng.integers(0, 5, (256, 1)).astype(np.int32),
        "context_item": item.astype(np.int32),
        "context_year": year.astype(np.int32),
    }


@pytest.fixture(scope="module")
def trained(kit, features, tmp_path_factory):
    """Folder of the models that a process trained on JAX, one per encoder."""
    folder = tmp_path_factory.mktemp("jax")
    np.savez(folder / "batches.npz", **features)
    for name in NAMES:
        task = {
            "spec": text_format.MessageToString(
                kit.input_spec(GROUPS.format(encoder=name))
            ),
            "hparams": dataclasses.asdict(kit.hparams(transformer_num_blocks=1)),
            "on_timelines": name in ("TRANSFORMER", "GRU", "STATE_SPACE"),
        }
        (folder / f"{name}.json").write_text(json.dumps(task))
    script = Path(__file__).with_name("jax_training.py")
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        # Compiling is what takes the time.
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }
    process = subprocess.run(
        [sys.executable, str(script), str(folder)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return folder


@pytest.fixture(params=NAMES)
def name(request):
    """Each encoder."""
    return request.param


@pytest.fixture
def model(trained, name):
    """The model in TensorFlow, with the weights from JAX."""
    task = json.loads((trained / f"{name}.json").read_text())
    model = RecommendationModel(
        text_format.Parse(task["spec"], InputSpec()), ModelHParams(**task["hparams"])
    )
    model.load_weights(trained / f"{name}.weights.h5")
    return model


@pytest.fixture
def on_jax(trained, name):
    """What the model answered on JAX."""
    return np.load(trained / f"{name}.npz")


def test_it_learns_on_jax(on_jax):
    losses = on_jax["losses"]
    # Less than knowing nothing of 19 items, and ever less.
    assert losses[-1] < 0.8 * np.log(19)
    assert losses[-1] < losses[len(losses) // 2] < losses[0]


def test_tensorflow_scores_as_jax_did(model, on_jax, features):
    scores = np.asarray(model(features, training=False))
    # float32 has 7 digits, of the largest of the terms that a score adds up.
    largest = np.abs(scores).max()
    np.testing.assert_allclose(scores, on_jax["scores"], atol=1e-6 * largest)


def test_tflite_recommends_as_jax_did(model, on_jax, features, tmp_path):
    export.save(model, str(tmp_path), {"item": ["[OOV]", *map(str, range(19))]})
    interpreter = tf.lite.Interpreter(
        model_content=export.convert_to_tflite(str(tmp_path))
    )
    run = interpreter.get_signature_runner(export.SERVING)
    for row in range(8):
        answer = run(**{name: values[row] for name, values in features.items()})
        assert answer["top_prediction_ids"].tolist() == on_jax["ids"][row].tolist()
        np.testing.assert_allclose(
            answer["top_prediction_scores"], on_jax["top"][row], rtol=1e-5, atol=1e-5
        )
