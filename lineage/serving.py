"""Which version of a folder of versions readers get."""

from __future__ import annotations

import os

# Names the version that is served; without it, the latest is (see "Version folder" in
# `docs/architecture.md`).
_POINTER = "current"


def served(folder: str) -> str | None:
    """The version that is served; None where there is none."""
    try:
        with open(os.path.join(folder, _POINTER), encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        pass
    try:
        names = [name for name in os.listdir(folder) if name.isdecimal()]
    except OSError:
        return None
    return max(names, key=int, default=None)
