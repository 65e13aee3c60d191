"""TFX's Tuner, with a search for the trainer's settings."""

from __future__ import annotations

from tfx import types
from tfx.components.tuner.component import Tuner
from tfx.proto import trainer_pb2

from ondevice_rec.components.recommendation_trainer import custom_config
from ondevice_rec.schemas import (
    input_spec_pb2,
    pipeline_config_pb2,
    timeline,
    tuning,
)

_TUNER_FN = "ondevice_rec.components.recommendation_trainer.tuner_fn.tuner_fn"


def settings_tuner(
    examples: types.BaseChannel,
    transform_graph: types.BaseChannel,
    input_spec: input_spec_pb2.InputSpec,
    hparams: pipeline_config_pb2.HParams,
    training: pipeline_config_pb2.Training,
    asked: pipeline_config_pb2.Tuning,
) -> Tuner:
    """TFX's Tuner; its `best_hyperparameters` are for `RecommendationTrainer`.

    Trains on the split train and compares on the split validation; the test split is
    not read.

    Args:
      examples: Transformed timelines.
      transform_graph: SequenceTransform's, which holds the vocabularies.
      input_spec: What the model reads and predicts.
      hparams: The model's size, where it is not tried.
      training: Optimizer, batch size, epochs, where they are not tried.
      asked: What is tried, and for how long.

    Raises:
      ValueError: the search cannot be made; the message says what to change.
    """
    tuning.validate(asked, hparams, training)
    return Tuner(
        examples=examples,
        transform_graph=transform_graph,
        tuner_fn=_TUNER_FN,
        train_args=trainer_pb2.TrainArgs(splits=[timeline.TRAIN]),
        eval_args=trainer_pb2.EvalArgs(splits=[timeline.VALIDATION]),
        custom_config=custom_config.of(
            input_spec=input_spec, hparams=hparams, training=training, tuning=asked
        ),
    )
