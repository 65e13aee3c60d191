"""Exported models beside the baselines, against rankings written out here."""

from __future__ import annotations

import collections
import functools
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from google.protobuf import text_format

from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import InputSpec, ModelHParams

ITEMS = 12
KEYS = ["[OOV]", *(f"item {number}" for number in range(1, ITEMS + 1))]
# Lacks items 1 and 2, knows two others, and counts from the other end.
GONE = ["gone 1", "gone 2", "gone 3"]
OLD_KEYS = ["[OOV]", *reversed(KEYS[3:]), *GONE]
# What scores are written down for, by place; the timelines hold those of `KEYS`.
ALL_KEYS = [*KEYS, *GONE]
TOP_K = (1, 3, 5)
LENGTH = 4

Scorer = Callable[[tuple[int, ...]], Sequence[Any]]


def make_model(folder: Path, keys: list[str], seed: int, length: int) -> Any:
    """Exports a model with random weights; returns it."""
    spec = text_format.Parse(
        f"""
        activity_feature_groups {{
          features {{ feature_name: "context" feature_type: STRING column: "item"
                     vocab_size: {len(keys)} embedding_dim: 3
                     feature_length: {length} }}
          encoder_type: BOW }}
        label_feature {{ feature_name: "item" feature_type: STRING
                        vocab_size: {len(keys)} embedding_dim: 3 }}
        """,
        InputSpec(),
    )
    hparams = ModelHParams(
        [], [10], [], conv_kernel_size=4, lstm_num_units=1, num_predictions=5
    )
    keras.utils.set_random_seed(seed)
    model = RecommendationModel(spec, hparams)
    table = np.random.default_rng(seed).normal(size=(len(keys), 3))
    if keys == KEYS:
        # Items 4 and 5, and 8 and 9, tie.
        table[[5, 9]] = table[[4, 8]]
    model.label_embedding.set_weights([table])
    export.save(model, str(folder / "Format-Serving"), {"item": keys})
    return model


def scorer(model: Any, keys: list[str], length: int) -> Scorer:
    """Scores of `ALL_KEYS`, NaN where the model does not know one."""
    ids = {key: id_ for id_, key in enumerate(keys)}

    @functools.cache
    def score(history: tuple[int, ...]) -> list[float]:
        known = [ids.get(KEYS[item], 0) if item else 0 for item in history[-length:]]
        padded = np.array([known + [0] * (length - len(known))], np.int32)
        scores = np.asarray(model({"context": padded}))[0]
        return [math.nan if k not in ids else scores[ids[k]] for k in ALL_KEYS]

    return score


def timelines(rng: np.random.Generator, count: int) -> list[dict[str, Any]]:
    """Up to 9 events of items 0 (unknown) to 12, the low ones popular."""
    found = []
    for _ in range(count):
        length = int(rng.integers(1, 10))
        items = rng.geometric(0.2, length) % (ITEMS + 1)
        targets = rng.integers(0, 2, length)
        found.append({"items": items.tolist(), "targets": targets.tolist()})
    return found


def counted(train: list[dict[str, Any]]) -> tuple[collections.Counter, Any]:
    events: collections.Counter = collections.Counter()
    pairs: collections.Counter = collections.Counter()
    for timeline in train:
        events.update(timeline["items"])
        pairs.update(zip(timeline["items"], timeline["items"][1:], strict=False))
    return events, pairs


def brute_force(
    queries: list[tuple[tuple[int, ...], int]],
    score: Scorer,
    events: collections.Counter,
    keys: list[str],
    exclude_seen: bool = False,
    listed: int = 10**9,
) -> dict[str, float]:
    """Every metric by its definition.

    Args:
      queries: History and item of each.
      score: Scores of `ALL_KEYS`, NaN for one that the model does not know.
      events: Training events by item.
      keys: The model's vocabulary; of equal scores its lists have the first id first.
      exclude_seen: Whether the history's items may not be recommended.
      listed: Places of a list at most.
    """
    total = sum(count for item, count in events.items() if item)
    found: dict[str, list[float]] = collections.defaultdict(list)
    shown: dict[int, set[int]] = {k: set() for k in TOP_K}
    for history, item in queries:
        scores = score(history)
        known = [ALL_KEYS.index(key) for key in keys[1:]]
        assert not any(_is_nan(scores[i]) for i in known)
        allowed = [i for i in known if not (exclude_seen and i in history)]
        rank = math.inf
        if item in allowed:
            rank = 1 + sum(scores[i] >= scores[item] for i in allowed if i != item)
        if rank > listed:
            rank = math.inf
        best = sorted(allowed, key=lambda i: scores[i], reverse=True)
        found["label_coverage"].append(item in known)
        found["mrr"].append(1 / rank)
        found["mean_rank"].append(len(keys) if rank == math.inf else rank)
        for k in TOP_K:
            hit = rank <= k
            found[f"recall@{k}"].append(hit)
            found[f"ndcg@{k}"].append(1 / math.log2(rank + 1) if hit else 0)
            found[f"mrr@{k}"].append(1 / rank if hit else 0)
            first = [i for i in best[:k] if i < len(KEYS)]
            shown[k].update(first)
            shares = [events[i] / total for i in first]
            found[f"mean_popularity@{k}"].append(np.mean(shares or [0]))
            bits = [-math.log2(max(events[i], 1) / total) for i in first]
            found[f"novelty@{k}"].append(np.mean(bits or [0]))
    means = {name: float(np.mean(values)) for name, values in found.items()}
    return means | {f"coverage@{k}": len(shown[k]) / ITEMS for k in TOP_K}


def _is_nan(score: Any) -> bool:
    return isinstance(score, float | np.floating) and math.isnan(score)


@pytest.fixture(scope="module")
def world(kit: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Timelines, a model, and an earlier one of another vocabulary."""
    folder = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(5)
    train, test = timelines(rng, 60), timelines(rng, 80)
    kit.write_examples(folder / "examples", {"train": [train], "test": [test]})
    new = make_model(folder / "new", KEYS, 1, LENGTH)
    old = make_model(folder / "old", OLD_KEYS, 2, LENGTH - 1)
    queries = [
        (tuple(t["items"][:i]), item)
        for t in test
        for i, item in enumerate(t["items"])
        if t["targets"][i] and i
    ]
    return folder, train, queries, new, old


@pytest.mark.parametrize("exclude_seen", [False, True])
def test_every_model_is_ranked_as_by_brute_force(
    kit: Any, world: Any, tmp_path: Path, exclude_seen: bool
) -> None:
    folder, train, queries, new, old = world
    evaluation, blessing = kit.run(
        folder / "examples",
        folder / "new",
        tmp_path,
        f"top_k: [1, 3, 5] exclude_seen: {'true' if exclude_seen else 'false'} "
        'thresholds { metric: "mrr" baseline: BLESSED min_ratio: 100 }',
        folder / "old",
    )
    found = json.loads(Path(evaluation.uri, "metrics.json").read_text())["slices"]
    events, pairs = counted(train)
    unknown = [math.nan] * len(GONE)

    def popularity(_: tuple[int, ...]) -> list[float]:
        return [*(float(events[item]) for item in range(len(KEYS))), *unknown]

    def markov(history: tuple[int, ...]) -> list[Any]:
        last = history[-1]
        followed = [pairs[last, i] if last else 0 for i in range(len(KEYS))]
        return [*((n, events[i]) for i, n in enumerate(followed)), *unknown]

    models: dict[str, tuple[Scorer, list[str]]] = {
        "candidate": (scorer(new, KEYS, LENGTH), KEYS),
        "popularity": (popularity, KEYS),
        "markov": (markov, KEYS),
        "blessed": (scorer(old, OLD_KEYS, LENGTH - 1), OLD_KEYS),
    }
    for name, (score, keys) in models.items():
        expected = brute_force(queries, score, events, keys, exclude_seen)
        actual = found["overall"][name]
        assert expected == pytest.approx(
            {metric: actual[metric] for metric in expected}, abs=1e-6
        ), name
    refusal = blessing.get_string_custom_property("refusal")
    assert "below 100 times the latest blessed model's" in refusal


def test_the_tflite_file_is_measured_by_its_lists(
    kit: Any, world: Any, tmp_path: Path
) -> None:
    folder, train, queries, new, _ = world
    evaluation, _ = kit.run(
        folder / "examples",
        folder / "new",
        tmp_path,
        "top_k: [1, 3, 5, 20] measured: TFLITE",
    )
    found = json.loads(Path(evaluation.uri, "metrics.json").read_text())
    assert found["measured"] == "tflite"
    actual = found["slices"]["overall"]["candidate"]
    # It lists 5 items; what comes behind is unknown.
    assert not {"recall@20", "mrr", "mean_rank"} & set(actual)
    score = scorer(new, KEYS, LENGTH)

    def in_order(history: tuple[int, ...]) -> list[Any]:
        # Of equal ones it lists the first.
        rounded = [(round(float(s), 5), -i) for i, s in enumerate(score(history))]
        return [*rounded[: len(KEYS)], *[math.nan] * len(GONE)]

    events, _ = counted(train)
    expected = brute_force(queries, in_order, events, KEYS, listed=5)
    for name in ("mrr", "mean_rank"):
        del expected[name]
    assert expected == pytest.approx(
        {metric: actual[metric] for metric in expected}, abs=1e-6
    )
    assert sorted(p.name for p in Path(evaluation.uri).iterdir()) == [
        "eval_config.json", "examples.json", "metrics-00000-of-00001.tfrecord",
        "metrics.json", "validations.tfrecord",
    ]  # fmt: skip


def test_an_earlier_model_that_cannot_read_the_timelines_is_left_out(
    kit: Any, world: Any, tmp_path: Path
) -> None:
    folder, *_ = world
    (tmp_path / "nothing").mkdir()
    evaluation, blessing = kit.run(
        folder / "examples",
        folder / "new",
        tmp_path,
        'thresholds { metric: "mrr" baseline: BLESSED min_ratio: 100 }',
        tmp_path / "nothing",
    )
    why = evaluation.get_string_custom_property("blessed_left_out")
    assert why.startswith("it cannot be read: ")
    assert "blessed model's" not in blessing.get_string_custom_property("refusal")
    found = json.loads(Path(evaluation.uri, "metrics.json").read_text())
    assert found["blessed_left_out"] == why
    assert "blessed" not in found["slices"]["overall"]
