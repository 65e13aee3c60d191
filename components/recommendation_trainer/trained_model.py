"""A model, trained with what TFX hands to a user function."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping, Sequence

import keras
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from ondevice_rec.components.recommendation_trainer import custom_config
from ondevice_rec.recommendation import training, warm_start
from ondevice_rec.recommendation.export.items import OOV_KEY
from ondevice_rec.recommendation.feed import timeline_source
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import InputSpec, hparams_from_proto
from ondevice_rec.recommendation.warm_start import WarmStart
from ondevice_rec.schemas import input_spec_check, pipeline_config_pb2, tuning

logger = logging.getLogger("ondevice_rec.trainer")


@dataclasses.dataclass(frozen=True)
class Task:
    """What is to be trained, and on what.

    Attributes:
      input_spec: What the model reads and predicts, every `vocab_size` included.
      hparams: Its size.
      training: Optimizer, batch size, epochs.
      vocabularies: Keys of each column that is embedded; index is the id, index 0
        `[OOV]`.
      train_files: Transformed timelines of the train split.
      validation_files: Those of the validation split.
    """

    input_spec: InputSpec
    hparams: pipeline_config_pb2.HParams
    training: pipeline_config_pb2.Training
    vocabularies: Mapping[str, list[str]]
    train_files: list[str]
    validation_files: list[str]


def read(fn_args: FnArgs) -> Task:
    """The task that a component's `custom_config` describes."""
    config = fn_args.custom_config
    spec = custom_config.read(config, custom_config.INPUT_SPEC, InputSpec())
    vocabularies = read_vocabularies(fn_args.transform_graph_path, spec)
    fill_vocab_sizes(spec, vocabularies)
    return Task(
        spec,
        custom_config.read(
            config, custom_config.HPARAMS, pipeline_config_pb2.HParams()
        ),
        custom_config.read(
            config, custom_config.TRAINING, pipeline_config_pb2.Training()
        ),
        vocabularies,
        _files(fn_args.train_files),
        _files(fn_args.eval_files),
    )


def train(
    task: Task,
    values: Mapping[str, float],
    log_dir: str,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    base_model: str | None = None,
) -> tuple[RecommendationModel, training.TrainingReport, WarmStart | None]:
    """Trains a new model.

    Args:
      task: What is to be trained.
      values: Settings to change, by name, as `schemas.tuning` has them.
      log_dir: Folder for TensorBoard.
      callbacks: Further ones for the fit.
      base_model: SavedModel of an earlier model, to start from where the training asks
        for it; None: there is none.

    Returns:
      The model, what the training did, and what became of the warm start,
      None where none was asked for.

    Raises:
      UserError: there is nothing to learn from, the settings do not make a model, or
        the training diverged.
    """
    hparams, settings = pipeline_config_pb2.HParams(), pipeline_config_pb2.Training()
    hparams.CopyFrom(task.hparams)
    settings.CopyFrom(task.training)
    tuning.apply(values, hparams, settings)
    training.seed(settings)
    model = RecommendationModel(
        task.input_spec, hparams_from_proto(hparams, settings.dropout)
    )
    started = None
    if settings.warm_start == pipeline_config_pb2.LATEST_BLESSED:
        started = WarmStart({}, "there is no earlier blessed model")
        if base_model:
            started = warm_start.start(model, task.vocabularies, base_model)
        if not started.left_out and settings.HasField("warm_start_epochs"):
            settings.epochs = settings.warm_start_epochs
        logger.info("start: %s", started)
    report = training.train(
        model,
        task.train_files,
        task.validation_files,
        settings,
        log_dir,
        callbacks,
    )
    return model, report, started


def read_vocabularies(
    transform_graph_path: str, input_spec: InputSpec
) -> dict[str, list[str]]:
    """Keys of each column that is embedded; index is the id, index 0 `[OOV]`."""
    graph = tft.TFTransformOutput(transform_graph_path)
    return {
        column: [
            OOV_KEY,
            *(key.decode("utf-8") for key in graph.vocabulary_by_name(column)),
        ]
        for column in input_spec_check.vocabulary_caps(input_spec)
    }


def fill_vocab_sizes(
    input_spec: InputSpec, vocabularies: Mapping[str, list[str]]
) -> None:
    """Sets every embedded feature's `vocab_size` to that of its column."""
    features = input_spec_check.context_features(input_spec)
    for feature in [*features, input_spec.label_feature]:
        if input_spec_check.is_embedded(feature):
            column = input_spec_check.source_column(feature)
            feature.vocab_size = len(vocabularies[column])


def _files(patterns: list[str]) -> list[str]:
    # TFX hands over "<split folder>/*".
    return [
        file
        for pattern in patterns
        for file in timeline_source.timeline_files(os.path.dirname(pattern))
    ]
