"""Two attempts at one node, in processes of their own."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAM = """
import sys, time
from ondevice_rec.pipelines import node_lock
with node_lock.held(*sys.argv[1:]):
    print("held", flush=True)
    time.sleep(60)
"""


@contextlib.contextmanager
def attempt(folder: Path, run: str, node: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROGRAM, str(folder), run, node]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def holds(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"


def test_the_second_attempt_waits_until_the_first_is_killed(tmp_path: Path) -> None:
    with attempt(tmp_path, "run", "Trainer") as first:
        holds(first)
        with attempt(tmp_path, "run", "Trainer") as second:
            with pytest.raises(subprocess.TimeoutExpired):
                second.wait(1.5)
            first.send_signal(signal.SIGKILL)
            before = time.monotonic()
            holds(second)
            assert time.monotonic() - before < 10


@pytest.mark.parametrize("other", [("run", "Pusher"), ("other run", "Trainer")])
def test_other_nodes_and_runs_do_not_wait(
    other: tuple[str, str], tmp_path: Path
) -> None:
    with attempt(tmp_path, "run", "Trainer") as first:
        holds(first)
        with attempt(tmp_path, *other) as second:
            holds(second)
