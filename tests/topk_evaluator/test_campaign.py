"""Models that must not reach a phone, and those that must.

Users walk round a ring of items, half of them forwards and half backwards: the last
item tells less of the next one than the last two, and popularity nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format

from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import InputSpec, ModelHParams
from ondevice_rec.recommendation.training import seed, train
from ondevice_rec.schemas.pipeline_config_pb2 import Training

ITEMS = 40
KEYS = ["[OOV]", *(f"item {number}" for number in range(1, ITEMS + 1))]
USERS = 300
EVENTS = 14
EPOCHS = 10

CONFIG = """
    thresholds { metric: "ndcg@10" min_ratio: 1.5 confident: true }
    thresholds { metric: "recall@1" baseline: MARKOV min_ratio: 1.1 confident: true }
    thresholds { metric: "ndcg@10" baseline: BLESSED min_ratio: 0.9 }
    thresholds { metric: "label_coverage" min: 0.99 }
"""


def walks() -> list[list[int]]:
    """A walk for each user; one step in ten is a jump."""
    rng = np.random.default_rng(7)
    found = []
    for user in range(USERS):
        at, step = int(rng.integers(ITEMS)), 1 if user % 2 else -1
        walk = []
        for _ in range(EVENTS):
            walk.append(1 + at % ITEMS)
            at += step if rng.random() > 0.1 else int(rng.integers(ITEMS))
        found.append(walk)
    return found


def splits(leaked: bool = False, known: int = ITEMS) -> dict[str, Any]:
    """Last event: test, the one before: validation.

    Args:
      leaked: Whether the train timelines hold the test labels too.
      known: Items with a greater id are out of the vocabulary.
    """
    found: dict[str, Any] = {"train": [], "validation": [], "test": []}
    for user, walk in enumerate(walks()):
        items = [item if item <= known else 0 for item in walk]
        for name, cut in (("train", 2), ("validation", 1), ("test", 0)):
            part = items if leaked else items[: len(items) - cut]
            targets = [int(name == "train")] * (len(part) - 1) + [1]
            found[name].append({"items": part, "targets": targets, "user": f"u{user}"})
    return {name: [timelines] for name, timelines in found.items()}


def new_model(vocab_size: int = ITEMS + 1) -> RecommendationModel:
    feature = f"feature_type: STRING vocab_size: {vocab_size} embedding_dim: 16"
    spec = text_format.Parse(
        f"""
        activity_feature_groups {{
          features {{ feature_name: "context" column: "item" feature_length: 4
                     {feature} }}
          encoder_type: CNN }}
        label_feature {{ feature_name: "label" column: "item" {feature} }}
        """,
        InputSpec(),
    )
    return RecommendationModel(
        spec, ModelHParams([], [10], [2], conv_kernel_size=2, lstm_num_units=1)
    )


class World:
    """Timelines on disk, and models trained on them."""

    def __init__(self, kit: Any, folder: Path) -> None:
        self._kit = kit
        self._folder = folder
        kit.write_examples(folder / "honest", splits())
        kit.write_examples(folder / "leaked", splits(leaked=True))
        kit.write_examples(folder / "half known", splits(known=ITEMS // 2))
        self.blessed = self.trained(1)
        _export(self.blessed, folder / "blessed")

    def trained(
        self, number: int, epochs: int = EPOCHS, examples: str = "honest"
    ) -> RecommendationModel:
        training = Training(
            epochs=epochs, batch_size=64, learning_rate=0.01, seed=number
        )
        seed(training)
        model = new_model()
        files = [
            [str(self._folder / examples / f"Split-{split}" / "data-00000.gz")]
            for split in ("train", "validation")
        ]
        train(model, *files, training, str(self._folder / "logs"))
        return model

    def changed(self, table: np.ndarray) -> RecommendationModel:
        """The blessed model with other item vectors."""
        model = new_model()
        model.set_weights(self.blessed.get_weights())
        model.label_embedding.set_weights([table])
        return model

    @property
    def table(self) -> np.ndarray:
        """The blessed model's item vectors."""
        (table,) = self.blessed.label_embedding.get_weights()
        return table

    def truncated(self) -> RecommendationModel:
        """The blessed model without the second half of its items."""
        size = ITEMS // 2 + 1
        model = new_model(size)
        model.set_weights(
            [w[:size] if len(w) == ITEMS + 1 else w for w in self.blessed.get_weights()]
        )
        return model

    def refusal(
        self, model: RecommendationModel, folder: Path, examples: str = "honest"
    ) -> str:
        """Evaluates beside the blessed model; why it is refused, empty if it is not."""
        _export(model, folder / "model")
        _, blessing = self._kit.run(
            self._folder / examples,
            folder / "model",
            folder,
            CONFIG,
            self._folder / "blessed",
        )
        refusal: str = blessing.get_string_custom_property("refusal")
        assert blessing.get_int_custom_property("blessed") == int(not refusal)
        return refusal


def _export(model: RecommendationModel, folder: Path) -> None:
    keys = KEYS[: model.feature_spec.label_feature.vocab_size]
    export.save(model, str(folder / "Format-Serving"), {"item": keys})


@pytest.fixture(scope="module")
def world(kit: Any, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(kit, tmp_path_factory.mktemp("campaign"))


def shuffled(world: World) -> RecommendationModel:
    return world.changed(np.random.default_rng(1).permutation(world.table))


def constant(world: World) -> RecommendationModel:
    return world.changed(np.tile(world.table[1], (ITEMS + 1, 1)))


def off_by_one(world: World) -> RecommendationModel:
    return world.changed(np.roll(world.table, 1, axis=0))


def swapped_pairs(world: World) -> RecommendationModel:
    table = world.table.copy()
    table[1:] = table[1:].reshape(-1, 2, 16)[:, ::-1].reshape(-1, 16)
    return world.changed(table)


def one_nan(world: World) -> RecommendationModel:
    table = world.table.copy()
    table[5, 3] = np.nan
    return world.changed(table)


def half_trained(world: World) -> RecommendationModel:
    return world.trained(2, epochs=1)


@pytest.mark.parametrize(
    ("degrade", "examples", "reason"),
    [
        (shuffled, "honest", "below 1.5 times the popularity model's"),
        (constant, "honest", "not better than the popularity model's"),
        (off_by_one, "honest", "below 0.9 times the latest blessed model's"),
        (swapped_pairs, "honest", "below 0.9 times the latest blessed model's"),
        (World.truncated, "honest", "past the end of the model's vocabularies"),
        (World.truncated, "half known", "label_coverage is 0.[0-9]+, below the min"),
        (half_trained, "honest", "below 0.9 times the latest blessed model's"),
        (one_nan, "honest", "1 of the model's weights are NaN"),
        (
            lambda world: world.trained(2, examples="leaked"),
            "leaked",
            "300 of 300 test labels are among the training targets",
        ),
    ],
)
def test_a_degraded_model_is_refused(
    world: World,
    tmp_path: Path,
    degrade: Callable[[World], RecommendationModel],
    examples: str,
    reason: str,
) -> None:
    refusal = world.refusal(degrade(world), tmp_path, examples)
    assert re.search(reason, refusal), refusal or "it is blessed"


@pytest.mark.parametrize("number", [2, 3])
def test_an_honest_retrain_is_blessed(
    world: World, tmp_path: Path, number: int
) -> None:
    assert world.refusal(world.trained(number), tmp_path) == ""
