"""The command line, called in this process."""

from __future__ import annotations

import contextlib
import os
import tempfile

from ondevice_rec.pipelines import cli


def command(*arguments: str) -> tuple[int, str]:
    """Runs the command line in this process; gives its exit code and all it shows."""
    with contextlib.ExitStack() as stack:
        shown = stack.enter_context(tempfile.TemporaryFile("w+", buffering=1))
        for number in (1, 2):
            kept = os.dup(number)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, number)
            os.dup2(shown.fileno(), number)
        stack.enter_context(contextlib.redirect_stdout(shown))
        stack.enter_context(contextlib.redirect_stderr(shown))
        code = cli.main(arguments)
        shown.seek(0)
        return code, shown.read()
