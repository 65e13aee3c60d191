"""Runs an earlier model on timelines made for a later one.

Ids mean other items there: what the timelines hold is translated by key, both ways.
What one of the two vocabularies lacks becomes id 0.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from ondevice_rec.components import provenance
from ondevice_rec.components.topk_evaluator.saved_model_ranker import (
    Ranked,
    SavedModelRanker,
)
from ondevice_rec.recommendation.export.assets import ModelAssets
from ondevice_rec.recommendation.export.export import SCORE, load_assets
from ondevice_rec.recommendation.spec import InputSpec, source_column
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.input_spec_check import context_features, is_embedded
from ondevice_rec.schemas.timeline import OOV_ID


def is_same(saved_model_dir: str, other: str) -> bool:
    """Whether two models have the same weights, to the byte.

    They lie in different folders where one is a copy, or trained again from the same.
    """
    return saved_model_dir == other or _weights(saved_model_dir) == _weights(other)


def _weights(saved_model_dir: str) -> str:
    return provenance.content_sha256(
        os.path.join(saved_model_dir, tf.saved_model.VARIABLES_DIRECTORY)
    )


def why_not(saved_model_dir: str, candidate: ModelAssets) -> str:
    """Why a model cannot be measured on the candidate's timelines; empty if it can."""
    try:
        assets = load_assets(saved_model_dir)
        signatures = _signatures(saved_model_dir)
    except (UserError, tf.errors.OpError) as error:
        return f"it cannot be read: {error}"
    if SCORE not in signatures:
        return f"it was exported without the signature `{SCORE}`"
    if assets.item_column != candidate.item_column:
        return (
            f"it recommends the column {assets.item_column!r}, this model "
            f"{candidate.item_column!r}"
        )
    columns = _columns(candidate.input_spec)
    for column, kind in _columns(assets.input_spec).items():
        if columns.get(column) != kind:
            return (
                f"it reads {kind} {column!r}, which the timelines made for this model "
                "do not hold"
            )
        if kind.endswith("ids of") and not (
            column in assets.vocabularies and column in candidate.vocabularies
        ):
            return f"the keys of {column!r} are unknown"
    return ""


class BlessedRanker:
    """Ranks items by an earlier model, in ids of the candidate's vocabulary."""

    def __init__(self, saved_model_dir: str, candidate: ModelAssets) -> None:
        """Loads the model.

        Args:
          saved_model_dir: A model that `why_not` says nothing against.
          candidate: What travels with the model that the timelines were made for.
        """
        assets = load_assets(saved_model_dir)
        self._model = SavedModelRanker(saved_model_dir)
        self.input_spec = assets.input_spec
        self.vocab_size = assets.input_spec.label_feature.vocab_size
        self._ids = {
            feature.feature_name: translation(
                candidate.vocabularies[source_column(feature)],
                assets.vocabularies[source_column(feature)],
            )
            for feature in context_features(assets.input_spec)
            if is_embedded(feature)
        }
        mine = candidate.vocabularies[candidate.item_column]
        theirs = assets.vocabularies[assets.item_column]
        self._items, self._back = translation(mine, theirs), translation(theirs, mine)

    def labels(self, label: np.ndarray) -> np.ndarray:
        """Items of the candidate's vocabulary in the model's own ids, 0 for unknown."""
        return translated(self._items, label)

    def rank(
        self,
        features: Mapping[str, np.ndarray],
        label: np.ndarray,
        seen: np.ndarray | None,
        length: int,
    ) -> Ranked:
        """As `SavedModelRanker.rank`, from and to ids of the candidate's vocabulary.

        Ranks are among the items of the model's own vocabulary.
        """
        ranks, lists = self._model.rank(
            {
                name: translated(self._ids[name], values)
                if name in self._ids
                else values
                for name, values in features.items()
            },
            self.labels(label),
            None if seen is None else self.labels(seen),
            length,
        )
        return ranks, translated(self._back, lists)


def translation(source: Sequence[str], target: Sequence[str]) -> np.ndarray:
    """Id in `target` of every id of `source`, int32; 0 where it lacks the key."""
    ids = {key: id_ for id_, key in enumerate(target) if id_ != OOV_ID}
    found = np.array([ids.get(key, OOV_ID) for key in source], np.int32)
    found[OOV_ID] = OOV_ID
    return found


def translated(table: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Looks ids up; those past the table's end become 0."""
    return np.where(ids < len(table), table[np.minimum(ids, len(table) - 1)], OOV_ID)


def _signatures(saved_model_dir: str) -> set[str]:
    path = os.path.join(saved_model_dir, tf.saved_model.SAVED_MODEL_FILENAME_PB)
    with tf.io.gfile.GFile(path, "rb") as file:
        content = saved_model_pb2.SavedModel.FromString(file.read())
    return {name for graph in content.meta_graphs for name in graph.signature_def}


def _columns(input_spec: InputSpec) -> dict[str, str]:
    """What is read from each column, in words."""
    found = {}
    for whose, groups in (
        ("the user's", input_spec.global_feature_groups),
        ("the events'", input_spec.activity_feature_groups),
    ):
        for group in groups:
            for feature in group.features:
                kind = "ids of" if is_embedded(feature) else "numbers of"
                found[source_column(feature)] = f"{whose} {kind}"
    return found
