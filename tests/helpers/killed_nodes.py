"""Runs nodes of a compiled pipeline, each in a process that can be killed.

Forked from a process that has loaded TFX once, which takes longer than most nodes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(
    ["ondevice_rec.pipelines.pipeline", "ondevice_rec.pipelines.run_node"]
)


def load() -> None:
    """Starts the process that has loaded TFX."""
    process = _processes.Process(target=os.getpid)
    process.start()
    process.join()


def attempt(
    ir: Path,
    node: str,
    run: str,
    kill_after: float | None = None,
    before_publish: bool = False,
) -> tuple[int, float]:
    """Runs a node, or a part of it.

    Args:
      ir: The compiled pipeline.
      node: One of its nodes.
      run: Name of the run.
      kill_after: Seconds after which it is killed; None: never.
      before_publish: Whether it is killed when all is done and ML Metadata is told.

    Returns:
      The exit code, -9 for one that was killed, and the seconds it took.
    """
    arguments = (ir, node, run, before_publish)
    process = _processes.Process(target=_run, args=arguments)
    began = time.monotonic()
    process.start()
    process.join(kill_after)
    process.kill()
    process.join()
    assert process.exitcode is not None
    return process.exitcode, time.monotonic() - began


def _run(ir: Path, node: str, run: str, before_publish: bool) -> None:
    from ml_metadata import MetadataStore

    from ondevice_rec.pipelines import cli

    call = MetadataStore._call

    def killed(store: Any, method: str, request: Any, response: Any) -> Any:
        if method == "PutExecution":
            state = request.execution.last_known_state
            if state in (request.execution.COMPLETE, request.execution.CACHED):
                os.kill(os.getpid(), signal.SIGKILL)
        return call(store, method, request, response)

    if before_publish:
        MetadataStore._call = killed
    sys.exit(cli.main(["run-node", str(ir), node, "--run", run]))
