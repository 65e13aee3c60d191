"""Finds the model that a new one has to be better than."""

from __future__ import annotations

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
    LatestBlessedModelStrategy,
)
from tfx.types import standard_artifacts

_CANDIDATE = "candidate"
_MODEL = "model"
_BLESSING = "model_blessing"


class EarlierBlessedModelStrategy(LatestBlessedModelStrategy):
    """TFX's strategy among the models that were there before the candidate.

    A model is not compared with itself when a pipeline runs again: the evaluation of an
    unchanged model then has unchanged inputs, and comes from the cache.

    TFX's compiler for Kubeflow takes no strategy but its own: `latest_blessed_stock`.
    """

    def resolve_artifacts(
        self, store: mlmd.MetadataStore, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]] | None:
        """Gives the latest blessed model that is earlier than every candidate."""
        candidates = input_dict[_CANDIDATE]
        first = min((model.id for model in candidates), default=0)
        earlier = [model for model in input_dict[_MODEL] if model.id < first]
        found = super().resolve_artifacts(
            store, {_MODEL: earlier, _BLESSING: input_dict[_BLESSING]}
        )
        return {**(found or {_MODEL: [], _BLESSING: []}), _CANDIDATE: candidates}


def latest_blessed(model: types.BaseChannel) -> Resolver:
    """A Resolver whose output `model` is the latest blessed model, if there is one.

    Args:
      model: The model that is to be evaluated, a component's output.
    """
    return Resolver(
        strategy_class=EarlierBlessedModelStrategy,
        **{
            _CANDIDATE: model,
            _MODEL: types.Channel(type=standard_artifacts.Model),
            _BLESSING: types.Channel(type=standard_artifacts.ModelBlessing),
        },
    ).with_id("LatestBlessedModel")


def latest_blessed_stock(model: types.BaseChannel) -> Resolver:
    """As `latest_blessed`, by TFX's strategy, which may find the candidate itself.

    The evaluator says so then, and does not compare it with itself.

    Args:
      model: Not looked at: TFX's strategy takes no more than models and blessings.
    """
    del model
    return Resolver(
        strategy_class=LatestBlessedModelStrategy,
        **{
            _MODEL: types.Channel(type=standard_artifacts.Model),
            _BLESSING: types.Channel(type=standard_artifacts.ModelBlessing),
        },
    ).with_id("LatestBlessedModel")
