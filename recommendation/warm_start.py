"""Starts a model with the weights of an earlier one, rows found again by key."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.export.weights import load_weights
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import InputSpec, ModelHParams, source_column
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.input_spec_check import context_features

# What does not decide on the weights or what is computed with them.
_FREE = ("eval_top_k", "num_predictions", "dropout", "exclude_seen")


@dataclasses.dataclass(frozen=True)
class WarmStart:
    """What became of a warm start.

    Attributes:
      keys: By column, how many keys were found in the earlier model, and how many are
        new; empty where it was left out.
      left_out: Why the model starts cold, in words; empty where it does not.
    """

    keys: Mapping[str, tuple[int, int]]
    left_out: str = ""

    def __str__(self) -> str:
        if self.left_out:
            return f"cold: {self.left_out}"
        return "; ".join(
            f"{column}: {kept:,} keys kept, {new:,} new"
            for column, (kept, new) in self.keys.items()
        )


def start(
    model: RecommendationModel,
    vocabularies: Mapping[str, Sequence[str]],
    saved_model_dir: str,
) -> WarmStart:
    """Gives a new model the weights of an earlier one, if they suit it.

    Rows of embedding tables follow their keys. That of a key which the earlier model
    lacks becomes the mean of the earlier rows and, as noise, the row's own initial
    value: it begins as an item of which nothing is known but that it is one.

    Args:
      model: A model that was just made; changed in place.
      vocabularies: Its keys by column; index is the id.
      saved_model_dir: The earlier model, as `export.save` wrote it.
    """
    try:
        assets = export.load_assets(saved_model_dir)
    except UserError as error:
        return WarmStart({}, str(error))
    why = _unlike(assets.input_spec, assets.hparams, model)
    if why:
        return WarmStart({}, why)
    return transfer(
        model, vocabularies, load_weights(saved_model_dir), assets.vocabularies
    )


def transfer(
    model: RecommendationModel,
    vocabularies: Mapping[str, Sequence[str]],
    earlier: Sequence[np.ndarray],
    earlier_vocabularies: Mapping[str, Sequence[str]],
) -> WarmStart:
    """As `start`, with what an earlier model of the same spec holds.

    Args:
      model: A model that was just made; changed in place.
      vocabularies: Its keys by column; index is the id.
      earlier: The earlier model's weights, in the order of its `weights`.
      earlier_vocabularies: Its keys.
    """
    tables = _tables(model)
    columns = [tables.get(id(weight)) for weight in model.weights]
    shapes = [tuple(weight.shape) for weight in model.weights]
    if len(earlier) != len(shapes) or any(
        _shape(values.shape, column) != _shape(shape, column)
        for values, shape, column in zip(earlier, shapes, columns, strict=True)
    ):
        return WarmStart({}, "its weights have other shapes")
    keys = {}
    values = []
    for weight, before, column in zip(model.weights, earlier, columns, strict=True):
        if column is None:
            values.append(before)
            continue
        ids = {key: i for i, key in enumerate(earlier_vocabularies[column])}
        places = np.array([ids.get(key, -1) for key in vocabularies[column]])
        values.append(remapped(np.asarray(weight), before, places))
        new = int((places < 0).sum())
        # Id 0 is no key.
        keys[column] = len(places) - 1 - new, new
    model.set_weights(values)
    return WarmStart(keys)


def remapped(fresh: np.ndarray, before: np.ndarray, places: np.ndarray) -> np.ndarray:
    """A table whose rows come from another one.

    Args:
      fresh: Initial values, float32 `[rows, dim]`.
      before: The other table, float32 `[rows before, dim]`.
      places: Row in `before`, -1 for none, int `[rows]`.

    Returns:
      float32 `[rows, dim]`.
    """
    known = places >= 0
    found = fresh.copy()
    found[known] = before[places[known]]
    # Row 0 stands for padding and unknown keys.
    found[~known] += before[1:].mean(axis=0) if len(before) > 1 else 0.0
    return found


def _unlike(
    input_spec: InputSpec, hparams: ModelHParams, model: RecommendationModel
) -> str:
    """Why an earlier model's weights mean something else here; empty if they do not."""
    if _without_sizes(input_spec) != _without_sizes(model.feature_spec):
        return "it has another input spec"
    before, now = dataclasses.asdict(hparams), dataclasses.asdict(model.hparams)
    changed = [
        f"{name} was {before[name]!r} and is {value!r}"
        for name, value in now.items()
        if name not in _FREE and before[name] != value
    ]
    return f"it is another model: {', '.join(changed)}" if changed else ""


def _without_sizes(input_spec: InputSpec) -> InputSpec:
    found = InputSpec()
    found.CopyFrom(input_spec)
    for feature in [*context_features(found), found.label_feature]:
        feature.ClearField("vocab_size")
        feature.ClearField("vocab_name")
    return found


def _tables(model: RecommendationModel) -> dict[int, str]:
    """Column of each embedding table, by the weight's identity."""
    spec = model.feature_spec
    columns = {f.feature_name: source_column(f) for f in context_features(spec)}
    found = {
        id(layer.embeddings): columns[name]
        for encoder in (*model.global_encoders, *model.activity_encoders)
        for name, layer in encoder.embeddings.items()
    }
    label = model.label_embedding.embeddings
    return {**found, id(label): source_column(spec.label_feature)}


def _shape(shape: Sequence[int], column: str | None) -> tuple[Any, ...]:
    """A weight's shape; the rows of a table may differ."""
    return tuple(shape) if column is None else ("rows", *shape[1:])
