"""The error a user can mend."""

from __future__ import annotations


class UserError(ValueError):
    """Something in the user's data, configuration or command cannot be used.

    The message says what, what was received and the remedy; the command line shows it
    alone, without a traceback, and exits with code 2.
    """


def find(error: BaseException) -> UserError | None:
    """The UserError that an exception is, or was raised from, if any.

    Engines wrap what their workers raise; the cause keeps the original.
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        if isinstance(current, UserError):
            return current
        seen.add(id(current))
        current = current.__cause__ or current.__context__
    return None
