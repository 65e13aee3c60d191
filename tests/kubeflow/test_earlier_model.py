"""The model to compare with where there are no resolvers, and how it is told apart."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from tfx.types import standard_artifacts

from ondevice_rec.components.tflite_pusher import destination, served_model
from ondevice_rec.components.topk_evaluator import blessed
from ondevice_rec.components.topk_evaluator.executor import _blessed
from ondevice_rec.schemas import facts
from ondevice_rec.schemas.errors import UserError


@pytest.fixture(params=["local", "remote"])
def push_dir(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "local":
        return str(tmp_path / "serving")
    # TensorFlow's file system in memory.
    return f"ram://{uuid.uuid4().hex}/serving"


def publish(push_dir: str, weights: bytes) -> str:
    def write(folder: Path) -> None:
        (folder / "vocab.txt").write_text("[OOV]\na\n")
        variables = folder / "saved_model" / "variables"
        variables.mkdir(parents=True)
        (variables / "variables.data-00000-of-00001").write_bytes(weights)

    return destination.publish(push_dir, write, {}, 0)[0]


def served(push_dir: str, folder: Path) -> Any:
    model = standard_artifacts.Model()
    model.uri = str(folder)
    executor = served_model.Executor()
    executor.Do({}, {"model": [model]}, {"push_dir": push_dir})
    return model


def test_what_is_served_is_given(push_dir: str, tmp_path: Path) -> None:
    publish(push_dir, b"first")
    latest = publish(push_dir, b"second")
    model = served(push_dir, tmp_path / "model")
    found = [path for path in (tmp_path / "model").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in found] == [b"second"]
    assert found[0].parent == tmp_path / "model" / "Format-Serving" / "variables"
    told = model.get_string_custom_property(facts.PUSHED_VERSION)
    assert told == latest.rpartition("/")[2]


def test_nothing_is_served_yet(push_dir: str, tmp_path: Path) -> None:
    model = served(push_dir, tmp_path / "model")
    assert _blessed([model], standard_artifacts.Model(), Any) == (
        "",
        "there is none yet",
    )


def test_a_version_that_is_not_what_was_pushed(tmp_path: Path) -> None:
    version = publish(str(tmp_path / "serving"), b"first")
    weights = Path(version, "saved_model", "variables", "variables.data-00000-of-00001")
    weights.write_bytes(b"other")
    with pytest.raises(UserError, match="sha256 must be"):
        served(str(tmp_path / "serving"), tmp_path / "model")


def test_a_copy_of_the_candidate_is_known_by_its_weights(tmp_path: Path) -> None:
    for name, weights in (("a", b"1"), ("copy", b"1"), ("b", b"2")):
        folder = tmp_path / name / "variables"
        folder.mkdir(parents=True)
        (folder / "variables.data-00000-of-00001").write_bytes(weights)
        # What it is called by, and what describes it, do not count.
        (tmp_path / name / "fingerprint.pb").write_text(name)
    assert blessed.is_same(str(tmp_path / "a"), str(tmp_path / "copy"))
    assert not blessed.is_same(str(tmp_path / "a"), str(tmp_path / "b"))
