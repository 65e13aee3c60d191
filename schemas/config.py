"""Loads and checks a pipeline's configuration; imports nothing heavy."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from ondevice_rec.schemas import (
    ingestion_check,
    input_spec_pb2,
    pipeline_config_pb2,
    serving_check,
    timeline,
    training_check,
    tuning,
)
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.input_spec_check import source_column, validate
from ondevice_rec.schemas.yaml_to_proto import ConfigError, parse, unknown_name

__all__ = ["ConfigError", "check", "load"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def load(path: str) -> pipeline_config_pb2.PipelineConfig:
    """Reads a configuration file.

    Paths in it are taken relative to the file's folder and come back absolute.

    Args:
      path: A YAML file; its keys are the fields of `PipelineConfig`
        (`schemas/pipeline_config.proto`).

    Returns:
      The configuration, checked.

    Raises:
      ConfigError: If the file cannot be read, or says something impossible. The
        message names the key, the value and what is allowed.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file. `ondevice-rec init LOG.csv` writes one."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}.") from error
    config = pipeline_config_pb2.PipelineConfig()
    parse(text, config, path)
    try:
        check(config)
    except UserError as error:
        raise ConfigError(f"{path}: {error}") from None
    _make_paths_absolute(config, os.path.dirname(os.path.abspath(path)))
    return config


def check(config: pipeline_config_pb2.PipelineConfig) -> None:
    """Checks that the parts of a configuration fit together.

    Columns of `input_spec` that name the log's item column are renamed to the
    timeline's, `item`.

    Raises:
      UserError: If they do not; the message says what, and the remedy.
    """
    if not _NAME.fullmatch(config.pipeline_name):
        raise ConfigError(
            "`pipeline_name` must be letters, digits, `-` and `_`, received "
            f"{config.pipeline_name!r}."
        )
    ingestion_check.validate(
        config.log,
        config.catalogue if config.HasField("catalogue") else None,
        config.filters,
        config.split,
    )
    _check_input_spec(config)
    _check_numbers(config)


def _source_columns(
    config: pipeline_config_pb2.PipelineConfig,
) -> Iterator[tuple[str, pipeline_config_pb2.SourceColumn]]:
    for source in config.log.features:
        yield "log.features", source
    for source in config.log.user_features:
        yield "log.user_features", source
    for source in config.catalogue.features:
        yield "catalogue.features", source


def _check_input_spec(config: pipeline_config_pb2.PipelineConfig) -> None:
    spec = config.input_spec
    sources = {source.column: source for _, source in _source_columns(config)}
    of_user = {source.column for source in config.log.user_features}
    of_event = set(sources) - of_user | {timeline.ITEM}
    groups = [
        ("global_feature_groups", spec.global_feature_groups, of_user),
        ("activity_feature_groups", spec.activity_feature_groups, of_event),
    ]
    for key, feature_groups, allowed in groups:
        for group in feature_groups:
            for feature in group.features:
                _name_column(feature, config.log.item)
                column = source_column(feature)
                if column not in allowed:
                    raise ConfigError(
                        f"`input_spec.{key}`: the feature {feature.feature_name!r} "
                        f"reads the column {column!r}, which is not carried into the "
                        "timelines. Add it to `log.features`, `log.user_features` or "
                        "`catalogue.features`, or set the feature's `column`. "
                        + unknown_name(column, allowed)
                    )
                if column in sources:
                    _check_type(feature, sources[column])
    _name_column(spec.label_feature, config.log.item)
    if source_column(spec.label_feature) != timeline.ITEM:
        raise ConfigError(
            "`input_spec.label_feature` must read the log's item column, received "
            f"{source_column(spec.label_feature)!r}. Set its `column` to `item`."
        )
    validate(spec, config.hparams)


def _name_column(feature: input_spec_pb2.Feature, item: str) -> None:
    if source_column(feature) in (item, timeline.ITEM):
        feature.column = timeline.ITEM


def _check_type(
    feature: input_spec_pb2.Feature, source: pipeline_config_pb2.SourceColumn
) -> None:
    if feature.feature_type != source.type:
        name = input_spec_pb2.FeatureType.Name
        raise ConfigError(
            f"`input_spec`: the feature {feature.feature_name!r} is "
            f"{name(feature.feature_type)}, its column {source.column!r} is "
            f"{name(source.type)}. Give both the same type."
        )


def _check_numbers(config: pipeline_config_pb2.PipelineConfig) -> None:
    at_least_one = {
        "min_vocab_count": config.min_vocab_count,
    }
    at_least_one.update(
        {f"evaluation.top_k[{i}]": k for i, k in enumerate(config.evaluation.top_k)}
    )
    for key, value in at_least_one.items():
        if value < 1:
            raise ConfigError(f"`{key}` must be >= 1, received {value}.")
    training_check.validate(config.training)
    if config.HasField("tuning"):
        tuning.validate(config.tuning, config.hparams, config.training)
    serving_check.validate(config.serving)


def _make_paths_absolute(
    config: pipeline_config_pb2.PipelineConfig, folder: str
) -> None:
    def absolute(path: str) -> str:
        return path if "://" in path else os.path.normpath(os.path.join(folder, path))

    config.log.path = absolute(config.log.path)
    if config.HasField("catalogue"):
        config.catalogue.path = absolute(config.catalogue.path)
    if config.HasField("schema"):
        config.schema = absolute(config.schema)
    if config.serving.HasField("push_dir"):
        config.serving.push_dir = absolute(config.serving.push_dir)
