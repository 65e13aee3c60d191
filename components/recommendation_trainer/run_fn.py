"""The `run_fn` that TFX's trainer calls."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import json_format
from tfx.components.trainer.fn_args_utils import FnArgs

from ondevice_rec.components.recommendation_trainer import custom_config
from ondevice_rec.recommendation import training
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.feed import timeline_source
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import InputSpec, hparams_from_proto
from ondevice_rec.schemas import input_spec_check, pipeline_config_pb2


def run_fn(fn_args: FnArgs) -> None:
    """Trains a model and writes it as a SavedModel.

    Args:
      fn_args: With `custom_config` as `RecommendationTrainer` fills it.

    Raises:
      UserError: there is nothing to learn from, or the training diverged.
    """
    config = fn_args.custom_config
    settings = _parse(config, custom_config.TRAINING, pipeline_config_pb2.Training())
    hparams = _parse(config, custom_config.HPARAMS, pipeline_config_pb2.HParams())
    spec = _parse(config, custom_config.INPUT_SPEC, InputSpec())
    vocabularies = read_vocabularies(fn_args.transform_graph_path, spec)
    fill_vocab_sizes(spec, vocabularies)
    training.seed(settings)
    model = RecommendationModel(spec, hparams_from_proto(hparams, settings.dropout))
    report = training.train(
        model,
        _files(fn_args.train_files),
        _files(fn_args.eval_files),
        settings,
        log_dir=fn_args.model_run_dir,
    )
    export.save(model, fn_args.serving_model_dir, vocabularies)
    path = os.path.join(fn_args.model_run_dir, custom_config.REPORT_FILE)
    with tf.io.gfile.GFile(path, "w") as file:
        json.dump(dataclasses.asdict(report), file, indent=2)


def read_vocabularies(
    transform_graph_path: str, input_spec: InputSpec
) -> dict[str, list[str]]:
    """Keys of each column that is embedded; index is the id, index 0 `[OOV]`."""
    graph = tft.TFTransformOutput(transform_graph_path)
    return {
        column: [
            export.OOV_KEY,
            *(key.decode("utf-8") for key in graph.vocabulary_by_name(column)),
        ]
        for column in input_spec_check.vocabulary_caps(input_spec)
    }


def fill_vocab_sizes(input_spec: InputSpec, vocabularies: dict[str, list[str]]) -> None:
    """Sets every embedded feature's `vocab_size` to that of its column."""
    features = input_spec_check.context_features(input_spec)
    for feature in [*features, input_spec.label_feature]:
        if input_spec_check.is_embedded(feature):
            column = input_spec_check.source_column(feature)
            feature.vocab_size = len(vocabularies[column])


def _parse(config: dict[str, str], key: str, message: Any) -> Any:
    return json_format.Parse(config[key], message)


def _files(patterns: list[str]) -> list[str]:
    # TFX hands over "<split folder>/*".
    return [
        file
        for pattern in patterns
        for file in timeline_source.timeline_files(os.path.dirname(pattern))
    ]
