"""The search for settings, with trainings that only say how good they would be."""

from __future__ import annotations

import time

import keras
import pytest

from ondevice_rec.components.recommendation_trainer.settings_search import (
    OBJECTIVE,
    SettingsSearch,
)
from ondevice_rec.recommendation.training import TrainingReport
from ondevice_rec.schemas import pipeline_config_pb2, tuning
from ondevice_rec.schemas.errors import UserError

CHOICES = {"training.learning_rate": [0.001, 0.004], "training.dropout": [0.0, 0.5]}
FIRST = {"training.learning_rate": 0.002, "training.dropout": 0.5}


def report(quality: float) -> TrainingReport:
    # The epoch that was kept is the second of three.
    history = {OBJECTIVE: [0.0, quality, 1.0]}
    return TrainingReport(3, 2, 30, 100, quality, 1.0, history)


def search(train, tmp_path, minutes=5.0, max_trials=50):
    found = SettingsSearch(CHOICES, FIRST, train, minutes, max_trials, 0, str(tmp_path))
    found.oracle.verbose = 0
    found.search()
    return found


def test_what_is_set_comes_first_and_the_best_is_kept(tmp_path):
    tried = []

    def train(values, end):
        tried.append(dict(values))
        return report(
            1.0 - values["training.learning_rate"] - values["training.dropout"]
        )

    found = search(train, tmp_path)
    assert tried[0] == FIRST
    # Three rates with the one that is set, and two dropouts: all of them, each once.
    assert len(tried) == len({tuple(values.items()) for values in tried}) == 6
    best = found.get_best_hyperparameters()[0].values
    assert best == {"training.learning_rate": 0.001, "training.dropout": 0.0}


def test_it_ends_in_time_in_the_middle_of_a_training_too(tmp_path):
    def train(values, end):
        end.set_model(keras.Model())
        end.model.stop_training = False
        for epoch in range(1000):
            time.sleep(0.02)
            end.on_epoch_end(epoch)
            if end.model.stop_training:
                return report(epoch / 1000)
        raise AssertionError("the search did not end the training")

    began = time.monotonic()
    found = search(train, tmp_path, minutes=0.5 / 60)
    assert 0.5 <= time.monotonic() - began < 5
    assert len(found.oracle.trials) == 1
    assert found.get_best_hyperparameters()[0].values == FIRST


def test_settings_that_make_no_model_are_passed_over(tmp_path):
    def train(values, end):
        if values["training.dropout"]:
            raise UserError("no")
        return report(0.5)

    found = search(train, tmp_path)
    assert found.get_best_hyperparameters()[0].values["training.dropout"] == 0.0


def test_nothing_asked_for_is_a_search_around_what_is_set():
    training = pipeline_config_pb2.Training(learning_rate=0.008)
    found = tuning.choices(pipeline_config_pb2.Tuning(), training)
    assert found["training.learning_rate"] == [0.002, 0.004, 0.008, 0.016]
    assert set(found) == {
        "training.learning_rate",
        "training.dropout",
        "training.weight_decay",
    }


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"minutes": 0}, "`tuning.minutes` must be > 0, received 0"),
        ({"max_trials": 0}, "`tuning.max_trials` must be >= 1, received 0"),
        ({"choices": [{"setting": "training.rate", "values": [1]}]}, "learning_rate"),
        ({"choices": [{"setting": "training.seed", "values": [1]}]}, "training.seed"),
        ({"choices": [{"setting": "training.epochs"}]}, "gives no `values`"),
        (
            {"choices": [{"setting": "training.epochs", "values": [1.5]}]},
            "must be whole numbers, received 1.5",
        ),
        (
            {"choices": [{"setting": "training.dropout", "values": [1]}]},
            "`dropout` must be >= 0 and < 1, received 1.0",
        ),
        (
            {"choices": [{"setting": "training.epochs", "values": [1]}] * 2},
            "names 'training.epochs' twice",
        ),
    ],
)
def test_a_search_that_cannot_be_is_refused(asked, words):
    with pytest.raises(UserError) as error:
        tuning.validate(
            pipeline_config_pb2.Tuning(**asked),
            pipeline_config_pb2.HParams(),
            pipeline_config_pb2.Training(),
        )
    assert words in str(error.value)
