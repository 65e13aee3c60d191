"""One writer at a time in a serving folder."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ondevice_rec.schemas.errors import UserError

LOCK = ".lock"
WAIT_SECONDS = 600.0
_PAUSE_SECONDS = 0.05
_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


@contextlib.contextmanager
def locked(serving_dir: Path, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Holds the folder's lock, once those who hold it have ended.

    The system lets the lock of a process go when it ends, however it ends.

    Args:
      serving_dir: The folder.
      wait_seconds: How long to wait for it.

    Raises:
      UserError: somebody held it all the time.
    """
    descriptor = os.open(serving_dir / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(descriptor, serving_dir, time.monotonic() + wait_seconds, wait_seconds)
        yield
    finally:
        os.close(descriptor)


def _take(
    descriptor: int, serving_dir: Path, deadline: float, wait_seconds: float
) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
        if time.monotonic() >= deadline:
            raise UserError(
                f"Another push to {serving_dir}, or a rollback in it, has not ended "
                f"for {wait_seconds:g} s; nothing was changed. See what holds "
                f"{serving_dir / LOCK} (lsof), end it, and try again."
            )
        time.sleep(_PAUSE_SECONDS)
