"""Training on small timelines with something to learn in them."""

from __future__ import annotations

import logging
import math
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from ondevice_rec.recommendation import optimizers, training
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.validation import Validation
from ondevice_rec.recommendation.warmup_cosine import WarmupCosine
from ondevice_rec.schemas import pipeline_config_pb2
from ondevice_rec.schemas.errors import UserError


@pytest.fixture(scope="module")
def files(kit, tmp_path_factory):
    """Users who go round 19 items in order: the next item follows from the last."""
    folder = tmp_path_factory.mktemp("timelines")
    rng = np.random.default_rng(0)
    splits = {"train": [], "validation": []}
    for user in range(60):
        items = (rng.integers(19) + np.arange(12)) % 19 + 1
        splits["train"].append(kit.timeline(items[:-1], user=f"u{user}"))
        last = [0] * 11 + [1]
        splits["validation"].append(kit.timeline(items, target=last, user=f"u{user}"))
    return {
        name: [kit.write(folder / name / "a.gz", lines)]
        for name, lines in splits.items()
    }


def settings(**changes):
    values = {"epochs": 25, "batch_size": 32, "learning_rate": 0.02, "seed": 3}
    return pipeline_config_pb2.Training(**{**values, **changes})


def fit(kit, files, log_dir, **changes):
    chosen = settings(**changes)
    training.seed(chosen)
    spec = kit.input_spec(kit.item_group(2, embedding_dim=8), embedding_dim=8)
    model = RecommendationModel(spec, kit.hparams(hidden_layer_dims=[32]))
    report = training.train(
        model, files["train"], files["validation"], chosen, str(log_dir)
    )
    return model, report


def test_it_learns_and_keeps_the_best_weights(kit, files, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "ondevice_rec.progress"):
        model, report = fit(kit, files, tmp_path, early_stopping_patience=4)
    # 60 timelines of 11 events, the first of which is no target.
    assert report.examples == 600
    # A blind guess has 10 / 19 = 0.53.
    assert report.best_validation_recall > 0.9
    recalls = report.history["val_recall@10"]
    assert report.best_validation_recall == max(recalls)
    # Epochs of equal recall are told apart by NDCG.
    quality = list(zip(recalls, report.history["val_ndcg@10"], strict=True))
    assert report.best_epoch == 1 + quality.index(max(quality))
    assert report.epochs == min(25, report.best_epoch + 4)
    assert report.steps >= report.epochs * 600 / 32
    kept = Validation(model, files["validation"], (10,)).measure()
    assert kept["recall@10"] == report.best_validation_recall
    assert list(Path(tmp_path).rglob("events.out.tfevents*"))
    assert caplog.records[-1].task == "training"
    assert caplog.records[-1].done == report.epochs
    assert "validation recall@10" in caplog.records[-1].detail


def test_the_same_seed_gives_the_same_weights(kit, files, tmp_path):
    models = [fit(kit, files, tmp_path / str(i), epochs=2)[0] for i in range(2)]
    first, same = (model.get_weights() for model in models)
    for one, two in zip(first, same, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_loss_that_is_not_a_number_ends_the_training(kit, files, tmp_path):
    with pytest.raises(UserError, match="Lower `learning_rate`"):
        fit(kit, files, tmp_path, learning_rate=1e30, gradient_clip_norm=0.0)


def test_nothing_to_learn_from(kit, files, tmp_path):
    lonely = [kit.write(tmp_path / "a.gz", [kit.timeline([3]), kit.timeline([4, 0])])]
    with pytest.raises(UserError, match="The train split has no event"):
        fit(kit, {**files, "train": lonely}, tmp_path)
    with pytest.raises(UserError, match="The validation split has no target"):
        fit(kit, {**files, "validation": [kit.write(tmp_path / "b.gz", [
            kit.timeline([3])])]}, tmp_path)  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("early_stopping_patience", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("gradient_clip_norm", -1.0),
        ("dropout", 1.0),
        ("seed", -1),
    ],
)
def test_settings_out_of_range_are_named(kit, files, tmp_path, field, value):
    with pytest.raises(UserError, match=f"`{field}` must be"):
        fit(kit, files, tmp_path, **{field: value})


def test_the_cosine_rises_then_falls_to_nothing():
    rate = WarmupCosine(peak=0.4, steps=10, warmup_fraction=0.2)
    # Two steps up; of the eight after them, the fourth is half way down.
    assert [round(float(rate(step)), 6) for step in (0, 1, 5, 9)] == [0.2, 0.4, 0.2, 0]
    assert float(rate(7)) == pytest.approx(0.4 * 0.5 * (1 + math.cos(math.pi * 6 / 8)))


def test_the_schedule_is_spread_over_all_epochs(kit, files, tmp_path, monkeypatch):
    asked = []

    def create(training_, steps):
        asked.append(steps)
        return keras.optimizers.SGD(0.0)

    monkeypatch.setattr(training.optimizers, "create", create)
    _, report = fit(kit, files, tmp_path, epochs=2)
    assert asked == [report.steps] == [2 * math.ceil(600 / 32)]


def test_weight_decay_takes_its_share_of_the_weights_alone():
    training_ = settings(weight_decay=0.5, learning_rate=0.1)
    optimizer = optimizers.create(training_, steps=10)
    layer = keras.layers.Dense(1, kernel_initializer="ones", bias_initializer="ones")
    layer.build((1, 1))
    optimizer.apply([np.zeros((1, 1), "f"), np.zeros(1, "f")], layer.trainable_weights)
    # No gradient: only the decay of 0.1 * 0.5 moves the kernel, nothing the bias.
    assert float(layer.kernel[0, 0]) == pytest.approx(0.95)
    assert float(layer.bias[0]) == 1.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"warmup_fraction": 1.0}, "`warmup_fraction` must be >= 0 and < 1, received"),
        ({"weight_decay": -1.0}, "`weight_decay` must be >= 0, received -1.0"),
        ({"weight_decay": 0.1, "optimizer": "ADAGRAD"}, "for the optimizer ADAM"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(changes, words):
    with pytest.raises(UserError, match=re.escape(words)):
        training.seed(settings(**changes))


def test_what_is_measured_is_what_was_learnt_not_a_leak(kit, files, tmp_path):
    model, _ = fit(kit, files, tmp_path)
    own = Validation(model, files["validation"], [1]).measure()["recall@1"]
    assert own > 0.9
    rng = np.random.default_rng(1)
    strangers = []
    for user in range(400):
        items = (rng.integers(19) + np.arange(12)) % 19 + 1
        # The item to predict is anybody's, not what follows from the history.
        items[-1] = rng.integers(19) + 1
        strangers.append(kit.timeline(items, target=[0] * 11 + [1], user=f"u{user}"))
    file = kit.write(tmp_path / "strangers.gz", strangers)
    chance = Validation(model, [file], [1]).measure()["recall@1"]
    # One in 19, within three deviations of 400 draws.
    assert abs(chance - 1 / 19) < 3 * math.sqrt(1 / 19 * 18 / 19 / 400)
