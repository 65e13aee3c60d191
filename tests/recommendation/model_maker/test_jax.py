"""The task on JAX: trained there, its checkpoint is exported by TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from ondevice_rec import recommendation
from ondevice_rec.recommendation.recommender import Recommender

LOG = [[f"i{(u + j) % 9}" for j in range(7)] for u in range(30)]

COMMON = f"""
from ondevice_rec import recommendation
spec = recommendation.spec.InputSpec(
    activity_feature_groups=[dict(features=[dict(
        feature_name="context_item", feature_type="STRING", embedding_dim=8,
        feature_length=4)], encoder_type="CNN")],
    label_feature=dict(
        feature_name="label_item", feature_type="STRING", embedding_dim=8))
train, validation, test = recommendation.DataLoader.from_timelines({LOG!r}, spec)
model_spec = recommendation.ModelSpec(
    train.input_spec, recommendation.spec.ModelHParams(
        [16], [1, 5], [2], 2, 4, 3, projection_activation="linear"))
"""


@pytest.mark.integration
def test_trained_on_jax_exported_by_tensorflow(tmp_path):
    code = COMMON + textwrap.dedent(
        """
        import sys
        task = recommendation.create(
            train, model_spec, sys.argv[1], validation, batch_size=32,
            steps_per_epoch=200, learning_rate=0.01, optimizer="adam", seed=1)
        assert task.evaluate(test)[1] > 0.9
        print([item.key for item in task.recommend(["i3", "i4", "i5"])])
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    names: dict[str, object] = {}
    exec(COMMON, names)
    task = recommendation.create(
        names["train"], names["model_spec"], str(tmp_path), do_train=False
    )
    task.load_checkpoint()
    task.export(str(tmp_path))
    found = Recommender.from_tflite(tmp_path / "model.tflite").recommend(
        ["i3", "i4", "i5"]
    )
    assert str([item.key for item in found]) == done.stdout.strip()
    assert found[0].key == "i6"
