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

# Names of the nodes: the model that a new one is measured beside, and starts from.
COMPARED = "LatestBlessedModel"
BASE = "BaseModel"


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


def latest_blessed(candidate: types.BaseChannel, node_id: str = COMPARED) -> Resolver:
    """A Resolver whose output `model` is the latest blessed model, if there is one.

    Args:
      candidate: A component's output, the model that is to be evaluated or, for a
        model to start from, the examples: only models that were there before it count.
      node_id: Name of the node.
    """
    return Resolver(
        strategy_class=EarlierBlessedModelStrategy,
        **{
            _CANDIDATE: candidate,
            _MODEL: types.Channel(type=standard_artifacts.Model),
            _BLESSING: types.Channel(type=standard_artifacts.ModelBlessing),
        },
    ).with_id(node_id)


def latest_blessed_stock(
    candidate: types.BaseChannel, node_id: str = COMPARED
) -> Resolver:
    """As `latest_blessed`, by TFX's strategy, which may find the candidate itself.

    The evaluator says so then, and does not compare it with itself.

    Args:
      candidate: Not looked at: TFX's strategy takes no more than models and blessings.
      node_id: Name of the node.
    """
    del candidate
    return Resolver(
        strategy_class=LatestBlessedModelStrategy,
        **{
            _MODEL: types.Channel(type=standard_artifacts.Model),
            _BLESSING: types.Channel(type=standard_artifacts.ModelBlessing),
        },
    ).with_id(node_id)
