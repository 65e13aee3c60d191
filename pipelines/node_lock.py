"""One attempt at a node at a time.

An orchestrator that has lost sight of a task starts it again while the first attempt
may still be writing. The second waits, and finds the work done.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
from collections.abc import Iterator

logger = logging.getLogger("ondevice_rec.run_node")

_FILE = ".nodes.lock"


@contextlib.contextmanager
def held(folder: str, run: str, node: str) -> Iterator[None]:
    """Holds the lock of a node in a run; waits for whoever holds it.

    The system lets it go when the process ends, however it ends. It is one byte of one
    file, which also works between machines on NFS.

    Args:
      folder: Where the artifacts are; nothing is locked in a remote one.
      run: The run.
      node: The node.
    """
    if "://" in folder:
        yield
        return
    name = f"{run}\0{node}".encode()
    # File positions are signed 64-bit integers.
    place = int.from_bytes(hashlib.sha256(name).digest()[:7], "big")
    with open(os.path.join(folder, _FILE), "a") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):
            logger.warning("another attempt at %s is still running: waiting", node)
            fcntl.lockf(file, fcntl.LOCK_EX, 1, place)
        yield
