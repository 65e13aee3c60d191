"""MovieLens-1M as a log that grows, and a model to train on what there is of it."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Sequence

import numpy as np
import pandas as pd
from google.protobuf import text_format

from benchmarks.quality_data import LOGS
from ondevice_rec.components.sequence_transform import kept_ids
from ondevice_rec.recommendation import training, warm_start
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.export.items import OOV_KEY
from ondevice_rec.recommendation.feed.timelines import Timelines
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import InputSpec, hparams_from_proto
from ondevice_rec.recommendation.validation import Validation
from ondevice_rec.schemas import pipeline_config_pb2

USER, ITEM, POSITION, TARGET = "user", "item", "position", "target"
DATA = os.path.join(
    os.environ.get("ONDEVICE_REC_SHARED", os.path.join("..", "shared")), "data"
)

_SPEC = """
activity_feature_groups {{ encoder_type: {encoder}
  features {{ feature_name: "context_item" column: "item" vocab_size: {size}
              embedding_dim: 64 feature_length: 50 }} }}
label_feature {{ feature_name: "label_item" column: "item" vocab_size: {size}
                 embedding_dim: 64 }}
"""
_HPARAMS = pipeline_config_pb2.HParams(
    tie_embeddings=True, projection_activation="NONE"
)
# As the preset `default`; windows are shorter than pieces of timelines, so that a step
# takes more of them.
BATCH_SIZES = {"STATE_SPACE": 32, "BOW": 256}


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
    steps: int
    best_steps: int
    seconds: float

    def save(self, folder: str) -> None:
        """Writes the SavedModel."""
        export.save(self.model, folder, {ITEM: self.keys})


def train(
    frame: pd.DataFrame,
    validation: pd.DataFrame,
    epochs: int,
    seed: int,
    base: str | None = None,
    encoder: str = "STATE_SPACE",
) -> Trained:
    """Trains a model, cold or from an earlier one, whose ids it keeps.

    Args:
      frame: Events to learn from.
      validation: Events to choose the best epoch by.
      epochs: Most epochs.
      seed: Of weights and order.
      base: SavedModel to start from; None: cold.
      encoder: One of `BATCH_SIZES`.
    """
    earlier = export.load_assets(base).vocabularies[ITEM] if base else ()
    keys = vocabulary(frame, earlier)
    settings = pipeline_config_pb2.Training(
        epochs=epochs,
        batch_size=BATCH_SIZES[encoder],
        learning_rate=0.004,
        schedule="COSINE",
        gradient_clip_norm=5,
        dropout=0.3,
        early_stopping_patience=10,
        seed=seed,
    )
    training.seed(settings)
    spec = text_format.Parse(_SPEC.format(size=len(keys), encoder=encoder), InputSpec())
    model = RecommendationModel(spec, hparams_from_proto(_HPARAMS, settings.dropout))
    if base:
        started = warm_start.start(model, {ITEM: keys}, base)
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
