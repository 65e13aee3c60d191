"""Two processes that train one model do what one process does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ondevice_rec.recommendation import workers
from ondevice_rec.schemas.errors import UserError

PROGRAM = Path(__file__).with_name("two_workers.py")


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for found in sockets:
        found.bind(("127.0.0.1", 0))
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


def write_timelines(kit, folder: Path) -> list[str]:
    """Users who go round 19 items, in one direction or, some, two at a time."""
    rng = np.random.default_rng(0)
    splits: dict[str, list] = {"train": [], "validation": []}
    for user in range(70):
        stride = 1 + user % 2
        items = (rng.integers(19) + stride * np.arange(12)) % 19 + 1
        splits["train"].append(kit.timeline(items[:-1], user=f"u{user}"))
        last = [0] * 11 + [1]
        splits["validation"].append(kit.timeline(items, target=last, user=f"u{user}"))
    return [
        str(kit.write(folder / f"{name}.gz", rows)) for name, rows in splits.items()
    ]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("encoder", "tolerance"),
    # A GRU learns from sequences: each process takes the mean of its own labels, which
    # are not as many in each half of a batch.
    [("BOW", 1e-3), ("GRU", 1e-2)],
)
def test_two_processes_learn_what_one_does(
    kit, tmp_path: Path, encoder: str, tolerance: float
) -> None:
    files = write_timelines(kit, tmp_path)

    def start(name: str, task: dict | None) -> subprocess.Popen:
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
        if task is not None:
            environment["TF_CONFIG"] = json.dumps(task)
        command = [sys.executable, str(PROGRAM), encoder, *files, str(tmp_path / name)]
        return subprocess.Popen(
            command, env=environment, stderr=subprocess.PIPE, text=True
        )

    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    processes = [
        start(name, task)
        for name, task in (
            ("alone", None),
            ("chief", {"cluster": cluster, "task": {"type": "worker", "index": 0}}),
            ("second", {"cluster": cluster, "task": {"type": "worker", "index": 1}}),
        )
    ]
    for process in processes:
        _, errors = process.communicate(timeout=900)
        assert process.returncode == 0, errors[-3000:]

    def history(name: str) -> dict[str, list[float]]:
        return json.loads((tmp_path / name / "history.json").read_text())

    alone = history("alone")["loss"]
    assert alone[-1] < alone[0]
    for name in ("chief", "second"):
        assert history(name)["loss"] == pytest.approx(alone, rel=tolerance)
    chief = np.load(tmp_path / "chief" / "weights.npz")
    second = np.load(tmp_path / "second" / "weights.npz")
    for key in chief.files:
        np.testing.assert_array_equal(chief[key], second[key])
    # Only the first writes TensorBoard's logs.
    logs = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("events.*")}
    assert logs == {"alone", "chief"}


@pytest.mark.parametrize(
    ("config", "count", "chief"),
    [
        ("", 1, True),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"index": 0}}', 1, True),
        (
            '{"cluster": {"worker": ["a:1", "b:1"]}, '
            '"task": {"type": "worker", "index": 0}}',
            2,
            True,
        ),
        (
            '{"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, '
            '"task": {"type": "worker", "index": 0}}',
            2,
            False,
        ),
    ],
)
def test_who_writes(
    monkeypatch: pytest.MonkeyPatch, config: str, count: int, chief: bool
) -> None:
    monkeypatch.setenv("TF_CONFIG", config)
    assert workers.count() == count
    assert workers.is_chief() is chief


def test_a_configuration_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", "worker-0")
    with pytest.raises(UserError, match="must be a JSON object, received 'worker-0'"):
        workers.count()
