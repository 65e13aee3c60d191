"""The `tuner_fn` that TFX's tuner calls."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping

import keras
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from ondevice_rec.components.recommendation_trainer import custom_config, trained_model
from ondevice_rec.components.recommendation_trainer.settings_search import (
    SettingsSearch,
)
from ondevice_rec.recommendation.training import TrainingReport
from ondevice_rec.schemas import pipeline_config_pb2, tuning


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """The search that the configuration's `tuning` asks for.

    Args:
      fn_args: With `custom_config` as `settings_tuner` fills it.
    """
    task = trained_model.read(fn_args)
    asked = custom_config.read(
        fn_args.custom_config, custom_config.TUNING, pipeline_config_pb2.Tuning()
    )
    choices = tuning.choices(asked, task.training)

    def train(
        values: Mapping[str, float], end: keras.callbacks.Callback
    ) -> TrainingReport:
        with tempfile.TemporaryDirectory() as log_dir:
            return trained_model.train(task, values, log_dir, [end])[1]

    return TunerFnResult(
        SettingsSearch(
            choices,
            {
                name: tuning.current(name, task.hparams, task.training)
                for name in choices
            },
            train,
            asked.minutes,
            asked.max_trials,
            asked.seed,
            directory=fn_args.working_dir,
        ),
        fit_kwargs={},
    )
