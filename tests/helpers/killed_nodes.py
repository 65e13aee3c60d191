"""Runs nodes of a compiled pipeline, each in a process that can be killed anywhere.

Forked from a process that has loaded TFX once, which takes longer than most nodes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

# What changes something on the disk.
_WRITES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "shutil.rmtree")
# The call by which ML Metadata learns what a node gave.
PUBLISH = "publish"

KillAt = int | str | None

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(
    ["ondevice_rec.pipelines.pipeline", "ondevice_rec.pipelines.run_node"]
)


def attempt(
    ir: Path, node: str, run: str, kill_at: int | str | None
) -> tuple[int, int]:
    """Runs a node, or a part of it.

    Args:
      ir: The compiled pipeline.
      node: One of its nodes.
      run: Name of the run.
      kill_at: Which change on the disk is the last one; PUBLISH: all of them, but ML
        Metadata is not told; None: it ends.

    Returns:
      The exit code, -9 for one that was killed, and how many changes there were.
    """
    counter = _processes.Value("i", 0)
    process = _processes.Process(target=_run, args=(ir, node, run, kill_at, counter))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode, counter.value


def _run(
    ir: Path, node: str, run: str, kill_at: int | str | None, counter: Any
) -> None:
    from ml_metadata import MetadataStore

    from ondevice_rec.pipelines import cli

    def change(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or event in _WRITES:
            counter.value += 1
            if counter.value == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    call = MetadataStore._call

    def publish(store: Any, method: str, request: Any, response: Any) -> Any:
        if method == "PutExecution" and kill_at == PUBLISH:
            state = request.execution.last_known_state
            if state in (request.execution.COMPLETE, request.execution.CACHED):
                os.kill(os.getpid(), signal.SIGKILL)
        return call(store, method, request, response)

    MetadataStore._call = publish
    sys.addaudithook(change)
    sys.exit(cli.main(["run-node", str(ir), node, "--run", run]))
