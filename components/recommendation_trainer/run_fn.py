"""The `run_fn` that TFX's trainer calls."""

from __future__ import annotations

import dataclasses
import json
import os

import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from ondevice_rec.components.recommendation_trainer import custom_config, trained_model
from ondevice_rec.recommendation.export import export


def run_fn(fn_args: FnArgs) -> None:
    """Trains a model and writes it as a SavedModel.

    Args:
      fn_args: With `custom_config` as `RecommendationTrainer` fills it, and the Tuner's
        hyperparameters where there was one.

    Raises:
      UserError: there is nothing to learn from, or the training diverged.
    """
    task = trained_model.read(fn_args)
    values = (fn_args.hyperparameters or {}).get("values", {})
    model, report, started = trained_model.train(
        task, values, fn_args.model_run_dir, base_model=fn_args.base_model
    )
    export.save(model, fn_args.serving_model_dir, task.vocabularies)
    path = os.path.join(fn_args.model_run_dir, custom_config.REPORT_FILE)
    with tf.io.gfile.GFile(path, "w") as file:
        content = {
            **dataclasses.asdict(report),
            "tuned": values,
            "warm_start": started and dataclasses.asdict(started),
        }
        json.dump(content, file, indent=2)
