"""Recommending from a published version."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.recommendation.ondevice import version_folder
from ondevice_rec.recommendation.ondevice.publish import publish
from ondevice_rec.recommendation.recommender import Recommender

Write = Callable[[Path], None]


@pytest.fixture
def serving_dir(tmp_path: Path, write_version: Write, facts: dict[str, Any]) -> Path:
    publish(tmp_path, write_version, facts)
    return tmp_path


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_recommends_keys_titles_and_scores(serving_dir: Path) -> None:
    found = Recommender.from_version(serving_dir).recommend(["c", "a"])
    assert [(item.id, item.key, item.title) for item in found] == [
        (1, "a", "Alpha"),
        (2, "b", "Beta\u2028two"),
        (3, "c", "Gamma"),
    ]
    expected = [sigmoid(0), sigmoid(-1), sigmoid(-2)]
    assert [item.score for item in found] == pytest.approx(expected, abs=1e-6)


def test_the_latest_events_count_where_the_history_is_longer_than_the_input(
    serving_dir: Path,
) -> None:
    found = Recommender.from_version(serving_dir).recommend(
        ["a", "b", "c", "b", "d"], 1
    )
    assert [item.key for item in found] == ["d"]


def test_seen_items_are_left_out_on_demand(serving_dir: Path) -> None:
    recommender = Recommender.from_version(serving_dir)
    found = recommender.recommend(["b", "a"], exclude_seen=True)
    assert [item.key for item in found] == ["c"]


def test_unknown_keys_are_tolerated_and_listed(serving_dir: Path) -> None:
    recommender = Recommender.from_version(serving_dir)
    history = ["x", "d", "[OOV]"]
    assert recommender.unknown(history) == ["x", "[OOV]"]
    assert recommender.recommend(["d", "x"], 1)[0].key == "d"


@pytest.mark.parametrize(
    ("history", "top", "message"),
    [
        ([], None, "at least one key"),
        (["x", "y"], None, "only unknown ones: 'x', 'y'"),
        (["a"], 4, "between 1 and 3.*received 4"),
        (["a"], 0, "between 1 and 3"),
        ("a,b", None, "must be a list"),
    ],
)
def test_unusable_requests_are_errors(
    serving_dir: Path, history: list[str], top: int | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Recommender.from_version(serving_dir).recommend(history, top)


def test_a_corrupted_model_is_detected_before_it_is_loaded(serving_dir: Path) -> None:
    version = version_folder.open_version(serving_dir).path
    model = version / "model.tflite"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    with pytest.raises(ValueError, match=r"model.tflite is not the file.*sha256"):
        Recommender.from_version(serving_dir)


def test_the_latest_version_is_used(
    serving_dir: Path, write_version: Write, facts: dict[str, Any]
) -> None:
    second = publish(serving_dir, write_version, facts)
    (second.path / "vocab.txt").unlink()
    with pytest.raises(ValueError, match=rf"{second.version}/vocab.txt is missing"):
        Recommender.from_version(serving_dir)
