"""Whether data suit a model, before anything is trained on them or measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ondevice_rec.recommendation.data.example_loader import ExampleLoader
from ondevice_rec.recommendation.feed.timelines import Timelines
from ondevice_rec.recommendation.spec import Feature, FeatureType, InputSpec
from ondevice_rec.schemas import input_spec_check
from ondevice_rec.schemas.errors import UserError

_SCAN_BATCH = 4096


def check(name: str, data: Any, input_spec: InputSpec) -> None:
    """Checks what is known of the data, and their ids.

    A data set of one's own is read once for the ids; timelines hold them.

    Args:
      name: The argument that the data are, for messages.
      data: To check.
      input_spec: What the model reads and predicts.

    Raises:
      UserError: they are no `DataLoader` or empty, lack a feature, or have one of
        another length or type, or an id that is not below its `vocab_size`.
    """
    if not isinstance(data, ExampleLoader):
        raise UserError(
            f"`{name}` must be a `recommendation.DataLoader`, received a "
            f"{type(data).__name__}."
        )
    if not data.size:
        raise UserError(
            f"`{name}` must have an example, received none. Is the log long enough for "
            "its `split`?"
        )
    if isinstance(data.dataset, Timelines):
        _check_timelines(name, data, data.dataset, input_spec)
    else:
        _check_examples(name, data.dataset, data.size, input_spec)


def _check_timelines(
    name: str, data: ExampleLoader, timelines: Timelines, input_spec: InputSpec
) -> None:
    assert data.input_spec is not None
    label = data.input_spec.label_feature
    found = {
        feature.feature_name: feature
        for feature in input_spec_check.context_features(data.input_spec)
    }
    for feature in input_spec_check.context_features(input_spec):
        known = found.get(feature.feature_name)
        if known is None:
            raise UserError(_lacks(name, feature, [*found, label.feature_name]))
        _check_length(name, feature, known.feature_length)
        if known.feature_type != feature.feature_type:
            raise UserError(
                f"`{feature.feature_name}` is {FeatureType.Name(known.feature_type)} "
                f"in `{name}` and {FeatureType.Name(feature.feature_type)} in the "
                "model's `input_spec`. Use the same."
            )
    if label.feature_name != input_spec.label_feature.feature_name:
        raise UserError(_lacks(name, input_spec.label_feature, [*found]))
    values = {
        **timelines.columns,
        **{column: found for column, (found, _) in timelines.user_columns.items()},
    }
    for feature in _embedded(input_spec):
        ids = values[
            input_spec_check.source_column(
                found.get(feature.feature_name, data.input_spec.label_feature)
            )
        ]
        if len(ids):
            _check_ids(name, feature, int(ids.min()), int(ids.max()))


def _check_examples(
    name: str, dataset: tf.data.Dataset, size: int, input_spec: InputSpec
) -> None:
    element = dataset.element_spec
    if not isinstance(element, tuple) or len(element) != 2:
        raise UserError(
            f"`{name}` must give pairs (features, label), received {element}."
        )
    features, label = element
    if not isinstance(features, dict):
        raise UserError(
            f"The features of `{name}` must be a dict by feature name, received "
            f"{features}."
        )
    for feature in input_spec_check.context_features(input_spec):
        if feature.feature_name not in features:
            raise UserError(_lacks(name, feature, list(features)))
        tensor = features[feature.feature_name]
        if tensor.shape.rank != 1:
            raise UserError(
                f"`{feature.feature_name}` of `{name}` must have shape "
                f"[{feature.feature_length}], received {tensor.shape}. Pass single "
                "examples, not batches."
            )
        if tensor.shape[0] is not None:
            _check_length(name, feature, tensor.shape[0])
        if tensor.dtype.is_integer != input_spec_check.is_embedded(feature):
            raise UserError(
                f"`{feature.feature_name}` of `{name}` must hold "
                f"{'ids' if input_spec_check.is_embedded(feature) else 'floats'}, "
                f"received {tensor.dtype.name}."
            )
    if label.shape not in ([], [1]) or not label.dtype.is_integer:
        raise UserError(
            f"The label of `{name}` must be one id, received {label}. Give it shape "
            "[1] and an integer type."
        )
    _scan(name, dataset.take(size), input_spec)


def _scan(name: str, dataset: tf.data.Dataset, input_spec: InputSpec) -> None:
    """Reads every example for its ids, and for lengths that the data set hides."""
    embedded = _embedded(input_spec)
    label_name = input_spec.label_feature.feature_name
    least: dict[str, int] = {}
    largest: dict[str, int] = {}
    lengths = {
        feature.feature_name: feature.feature_length
        for feature in input_spec_check.context_features(input_spec)
    }
    seen = 0
    try:
        for features, label in dataset.batch(_SCAN_BATCH):
            seen += int(label.shape[0])
            for feature in input_spec_check.context_features(input_spec):
                found = features[feature.feature_name].shape[1]
                if found != lengths[feature.feature_name]:
                    _check_length(name, feature, found)
            for feature in embedded:
                key = feature.feature_name
                ids = np.asarray(label if key == label_name else features[key])
                least[key] = min(least.get(key, 0), int(ids.min()))
                largest[key] = max(largest.get(key, 0), int(ids.max()))
    except tf.errors.InvalidArgumentError as error:
        raise UserError(
            f"The examples of `{name}` must all have the same lengths: {error.message}"
        ) from error
    if not seen:
        raise UserError(f"`{name}` must have an example, received none.")
    for feature in embedded:
        key = feature.feature_name
        _check_ids(name, feature, least[key], largest[key])


def _embedded(input_spec: InputSpec) -> list[Feature]:
    return [
        feature
        for feature in [
            *input_spec_check.context_features(input_spec),
            input_spec.label_feature,
        ]
        if input_spec_check.is_embedded(feature)
    ]


def _lacks(name: str, feature: Feature, found: list[str]) -> str:
    return (
        f"`{name}` has no `{feature.feature_name}`; it has {', '.join(found)}. Read it "
        "with the model's `input_spec`."
    )


def _check_length(name: str, feature: Feature, found: int) -> None:
    if found != feature.feature_length:
        raise UserError(
            f"`{feature.feature_name}` has {found} values in `{name}`, but its "
            f"`feature_length` is {feature.feature_length}. Use the same."
        )


def _check_ids(name: str, feature: Feature, least: int, largest: int) -> None:
    if least < 0 or largest >= feature.vocab_size:
        raise UserError(
            f"Ids of `{feature.feature_name}` must be from 0 to "
            f"{feature.vocab_size - 1}, received {least if least < 0 else largest} in "
            f"`{name}`. Set `vocab_size` in `input_spec` to the largest id + 1."
        )
