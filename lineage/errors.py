"""The error of whoever asks."""

from __future__ import annotations


class LineageError(ValueError):
    """A store, a model or a span that cannot be read or found.

    The message says what, what was received and the remedy; the command line shows it
    alone, without a traceback, and exits with code 2.
    """
