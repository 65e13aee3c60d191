"""What cannot be shown, and why."""

from __future__ import annotations


class Missing(Exception):  # noqa: N818
    """A section's facts are not there; the message says why, in whole sentences."""
