"""Finding a pushed model by what is known of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from ondevice_rec.lineage import models, runs
from ondevice_rec.lineage.errors import LineageError
from ondevice_rec.lineage.store import Store

ON_DEVICE = b"the model's bytes"
SHA256 = hashlib.sha256(ON_DEVICE).hexdigest()


@pytest.fixture
def store(writer: Any, root: Path) -> Store:
    """Versions 11 to 13, of which 12 is what is on the device, and a refused model."""
    for version in (11, 12, 13):
        digest = SHA256 if version == 12 else f"{version:064d}"
        writer.artifact(
            "PushedModel", pushed=1, pushed_version=str(version), model_sha256=digest
        )
    writer.artifact("PushedModel", pushed=0, refusal="too bad")
    return Store(str(root))


def version(store: Store, wanted: str | None) -> str | None:
    return models.find(store, wanted).text("pushed_version")


def test_the_latest_that_was_pushed(store: Store) -> None:
    assert version(store, None) == "13"


def test_by_version_or_digest_or_file(store: Store, tmp_path: Path) -> None:
    found = tmp_path / "found on a phone.tflite"
    found.write_bytes(ON_DEVICE)

    assert version(store, "11") == "11"
    assert version(store, SHA256) == "12"
    assert version(store, SHA256[:8]) == "12"
    assert version(store, str(found)) == "12"


@pytest.mark.parametrize("wanted", ["14", SHA256[:7], "a" * 64, "latest"])
def test_an_unknown_model_lists_the_known_versions(store: Store, wanted: str) -> None:
    with pytest.raises(LineageError, match=f"{wanted}.*latest first: 13, 12, 11"):
        version(store, wanted)


def test_an_unknown_file_is_told_by_its_digest(store: Store, tmp_path: Path) -> None:
    other = tmp_path / "other.tflite"
    other.write_bytes(b"")

    # sha256 of nothing.
    with pytest.raises(LineageError, match=r"sha256 e3b0c44298fc.*13, 12, 11"):
        version(store, str(other))
    with pytest.raises(
        LineageError, match=r"none\.tflite cannot be read: No such file"
    ):
        version(store, str(tmp_path / "none.tflite"))


def test_the_latest_of_thousands_and_the_oldest(writer: Any, root: Path) -> None:
    # More than are read by page.
    for number in range(700):
        writer.artifact("PushedModel", pushed=1, pushed_version=str(number))
    store = Store(str(root))

    assert version(store, None) == "699"
    assert version(store, "0") == "0"
    names = [a.text("pushed_version") for a in store.artifacts_of_type("PushedModel")]
    assert names == [str(number) for number in reversed(range(700))]


def test_the_history_tells_what_became_of_each_run(writer: Any, root: Path) -> None:
    first = writer.run("good", span=1, version=11, ndcg=0.5)
    for node in ("ExampleGen", "Pusher"):
        outputs = {"out": [first["pushed"]]} if node == "Pusher" else {}
        writer.execution(node, "again", {}, outputs, state=pb.Execution.CACHED)
    writer.execution("ExampleGen", "broken")
    writer.execution("Trainer", "broken", state=pb.Execution.FAILED)
    # A retry of the same node mends it.
    writer.execution("ExampleGen", "killed", state=pb.Execution.FAILED)
    writer.execution("ExampleGen", "killed")
    writer.execution("Trainer", "killed", state=pb.Execution.RUNNING)
    refused = writer.artifact("PushedModel", pushed=0, refusal="worse")
    writer.execution("Pusher", "refused", {}, {"pushed": [refused]})
    writer.execution("Other", "foreign")
    writer.context("pipeline_run", "empty")

    found = {run.name: run for run in runs.runs(Store(str(root)))}

    assert {name: run.state for name, run in found.items()} == {
        "empty": "nothing ran",
        "foreign": "ended after Other; nothing pushed",
        "refused": "refused",
        "killed": "running, or killed, at Trainer",
        "broken": "failed at Trainer",
        "again": "unchanged: pushed before",
        "good": "pushed",
    }
    assert next(iter(found)) == "empty"
    assert found["good"].metrics == {"ndcg@10": 0.5}
    assert (found["good"].version, found["again"].version) == ("11", "11")
    assert found["good"].pipeline == "p"


def test_what_was_run_by_hand_is_one_run(writer: Any, root: Path) -> None:
    # As TFX's InteractiveContext writes it: a run for every component it is given.
    pushed = writer.artifact("PushedModel", pushed=1, pushed_version="11")
    for time, node in enumerate(["Trainer", "Trainer", "Pusher"]):
        run = f"by hand.2026-11-22T09:00:0{time}"
        writer.execution(
            node,
            outputs={"pushed": [pushed]} if node == "Pusher" else {},
            contexts={
                "pipeline": "by hand", "run": run, "component_run": f"{run}.{node}"
            },
        )  # fmt: skip
    store = Store(str(root))

    (run,) = runs.runs(store)

    assert (run.name, run.pipeline) == ("by hand", "by hand")
    assert (run.state, run.version) == ("pushed", "11")
    assert run.executions == {"Trainer": 2, "Pusher": 3}
    assert runs.named(store, "by hand") == run
    assert runs.named(store, "other") is None


def test_a_store_without_a_pushed_model_says_why(writer: Any, root: Path) -> None:
    with pytest.raises(LineageError, match="holds no run yet"):
        models.find(Store(str(root)))

    writer.execution("SomebodysNode", "theirs")
    with pytest.raises(LineageError, match=r"theirs of pipeline p.*SomebodysNode"):
        models.find(Store(str(root)))

    writer.execution("Trainer", "ours", state=pb.Execution.FAILED)
    with pytest.raises(LineageError, match="ours of pipeline p: failed at Trainer"):
        models.find(Store(str(root)))
