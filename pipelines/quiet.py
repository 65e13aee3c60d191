"""Keeps the libraries' noise out of the user's terminal, in a log file."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import TextIO


@contextlib.contextmanager
def quiet(log_path: str) -> Iterator[tuple[TextIO, TextIO]]:
    """Sends all that is printed or logged in this process to a file.

    TensorFlow and its kernels write to the file descriptors themselves, so these are
    redirected, not only Python's streams.

    Args:
      log_path: File to append to; its folder is made.

    Yields:
      The terminal's standard output and standard error, for what the user shall see.
    """
    os.makedirs(os.path.dirname(os.path.abspath(log_path)), exist_ok=True)
    # TensorFlow reads it when it is loaded; its C++ warnings speak to developers.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.ExitStack() as stack:
        streams = []
        log = stack.enter_context(open(log_path, "a", encoding="utf-8", buffering=1))
        for number, stream in ((1, sys.stdout), (2, sys.stderr)):
            copy = os.dup(number)
            stack.callback(_restore, number, copy)
            os.dup2(log.fileno(), number)
            encoding = getattr(stream, "encoding", None) or "utf-8"
            streams.append(
                stack.enter_context(open(os.dup(copy), "w", encoding=encoding))
            )
        handler = logging.StreamHandler(log)
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
        )
        root = logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        stack.callback(root.setLevel, level)
        stack.callback(root.removeHandler, handler)
        yield streams[0], streams[1]


def _restore(number: int, copy: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(copy, number)
    os.close(copy)
