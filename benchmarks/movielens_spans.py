"""MovieLens-1M as a log that grows, and a model to train on what there is of it."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from google.protobuf import json_format

from benchmarks.quality_data import LOGS
from ondevice_rec.components.sequence_transform import kept_ids
from ondevice_rec.recommendation import training, warm_start
from ondevice_rec.recommendation.export.items import OOV_KEY
from ondevice_rec.recommendation.feed.timelines import Timelines
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import InputSpec, hparams_from_proto
from ondevice_rec.recommendation.validation import Validation
from ondevice_rec.schemas import pipeline_config_pb2
from ondevice_rec.schemas.input_spec_check import context_features

USER, ITEM, POSITION, TARGET = "user", "item", "position", "target"
DATA = os.path.join(
    os.environ.get("ONDEVICE_REC_SHARED", os.path.join("..", "shared")), "data"
)

_ROOT = Path(__file__).resolve().parents[1]
# By encoder: files with `input_spec`, `hparams` and `training`.
RECIPES = {
    "STATE_SPACE": _ROOT / "schemas" / "presets" / "default.yaml",
    "BOW": _ROOT / "benchmarks" / "recipes" / "bow.yaml",
}


def events(folder: str, users: int) -> pd.DataFrame:
    """The events of some users, drawn by chance, in their order.

    Args:
      folder: With the data, as `../shared/data`.
      users: How many.

    Returns:
      Columns `user`, `item` (text) and `position`, the event's place in its timeline;
      ties keep the order of the file.
    """
    log = LOGS["movielens-1m"]
    frame = pd.read_csv(os.path.join(folder, str(log["path"])))
    frame = frame.rename(columns={str(log["user"]): USER, str(log["item"]): ITEM})
    known = frame[USER].drop_duplicates().to_numpy()
    chosen = np.random.default_rng(1).permutation(known)[:users]
    frame = frame[frame[USER].isin(chosen)].copy()
    frame = frame.sort_values([USER, str(log["timestamp"])], kind="stable")
    frame[ITEM] = frame[ITEM].astype(str)
    frame[POSITION] = frame.groupby(USER).cumcount()
    return frame[[USER, ITEM, POSITION]].reset_index(drop=True)


def timelines(frame: pd.DataFrame, keys: Sequence[str]) -> Timelines:
    """Events as transformed timelines.

    Args:
      frame: In order; with a column `target`.
      keys: The vocabulary, id 0 included; items that it lacks get id 0.
    """
    ids = {key: i for i, key in enumerate(keys)}
    users, counts = np.unique(frame[USER].to_numpy(), return_counts=True)
    return Timelines(
        users=[str(user).encode() for user in users],
        row_splits=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        timestamp=frame[POSITION].to_numpy(np.int64),
        target=frame[TARGET].to_numpy(np.int64),
        columns={ITEM: frame[ITEM].map(ids).fillna(0).to_numpy(np.int64)},
    )


def vocabulary(frame: pd.DataFrame, earlier: Sequence[str] = ()) -> list[str]:
    """The items of the events that are targets, as SequenceTransform orders them."""
    counts = frame[ITEM].value_counts()
    ordered = sorted(counts.index, key=lambda key: (counts[key], key), reverse=True)
    return [OOV_KEY, *kept_ids.merge(list(earlier)[1:], ordered)]


@dataclasses.dataclass(frozen=True)
class Base:
    """What a training can start from.

    Attributes:
      keys: The vocabulary.
      weights: In the order of the model's.
    """

    keys: Sequence[str]
    weights: Sequence[np.ndarray]

    def save(self, file: Path) -> None:
        """Writes it to a file (.npz)."""
        arrays = {f"weight{i}": weight for i, weight in enumerate(self.weights)}
        np.savez(file, keys=np.array(self.keys), **arrays)

    @classmethod
    def load(cls, file: Path) -> Base:
        """Reads what `save` wrote."""
        with np.load(file) as found:
            weights = [found[f"weight{i}"] for i in range(len(found.files) - 1)]
            return cls(found["keys"].tolist(), weights)


@dataclasses.dataclass
class Trained:
    """A model.

    Attributes:
      model: With the weights of its best epoch.
      keys: Its vocabulary.
      steps: Optimizer steps run.
      best_steps: ... up to the epoch whose weights were kept.
      seconds: Of the training.
    """

    model: RecommendationModel
    keys: Sequence[str]
    steps: int = 0
    best_steps: int = 0
    seconds: float = 0.0

    @property
    def base(self) -> Base:
        """To start another training from."""
        return Base(self.keys, self.model.get_weights())


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How models are made and trained.

    Attributes:
      encoder: One of `RECIPES`.
      batch_size: None for the recipe's, which is for all of MovieLens-1M.
    """

    encoder: str
    batch_size: int | None = None

    def settings(self, epochs: int, seed: int) -> pipeline_config_pb2.Training:
        """Of a training."""
        found = json_format.ParseDict(
            self._content()["training"], pipeline_config_pb2.Training()
        )
        found.epochs, found.seed = epochs, seed
        if self.batch_size:
            found.batch_size = self.batch_size
        return found

    def model(self, keys: Sequence[str], dropout: float = 0.0) -> RecommendationModel:
        """A new model for a vocabulary."""
        content = self._content()
        spec = json_format.ParseDict(content["input_spec"], InputSpec())
        for feature in [*context_features(spec), spec.label_feature]:
            feature.vocab_size = len(keys)
        hparams = json_format.ParseDict(
            content["hparams"], pipeline_config_pb2.HParams()
        )
        return RecommendationModel(spec, hparams_from_proto(hparams, dropout))

    def _content(self) -> dict[str, Any]:
        return dict(yaml.safe_load(RECIPES[self.encoder].read_text()))


def train(
    recipe: Recipe,
    frame: pd.DataFrame,
    validation: pd.DataFrame,
    epochs: int,
    seed: int,
    base: Base | None = None,
) -> Trained:
    """Trains a model, cold or from an earlier one, whose ids it keeps.

    Args:
      recipe: How.
      frame: Events to learn from.
      validation: Events to choose the best epoch by.
      epochs: Most epochs.
      seed: Of weights and order.
      base: To start from; None: cold.
    """
    keys = vocabulary(frame, base.keys if base else ())
    settings = recipe.settings(epochs, seed)
    training.seed(settings)
    model = recipe.model(keys, settings.dropout)
    if base:
        started = warm_start.transfer(
            model, {ITEM: keys}, base.weights, {ITEM: base.keys}
        )
        if started.left_out:
            raise RuntimeError(str(started))
    with tempfile.TemporaryDirectory() as logs:
        report = training.train(
            model, timelines(frame, keys), timelines(validation, keys), settings, logs
        )
    per_epoch = report.steps // report.epochs
    return Trained(
        model, keys, report.steps, report.best_epoch * per_epoch, report.seconds
    )


def measure(trained: Trained, frame: pd.DataFrame) -> dict[str, float]:
    """recall@10, NDCG@10 of a model on the targets among some events."""
    source = timelines(frame, trained.keys)
    return Validation(trained.model, source, (10,)).measure()
