"""Why a run failed: ML Metadata knows only where."""

from __future__ import annotations

import json
import os
import re

_FOLDER = "logs"
_SUFFIX = ".failure.json"
# Runs are named by the moment they began; a store may say anything.
_NAME = re.compile(r"[0-9T:.-]+")


def write(root: str, run: str, message: str, log: str | None) -> None:
    """Notes why a run failed.

    Args:
      root: The run's folder.
      run: Its name.
      message: The error, in words.
      log: Path of the whole log; None where there is none.
    """
    where = path(root, run)
    if where is None:
        return
    with open(where, "w", encoding="utf-8") as file:
        json.dump({"message": message, "log": log}, file, ensure_ascii=False)


def read(where: str) -> tuple[str, str | None]:
    """What `write` noted: the error, and the path of the log; "" where nothing is."""
    try:
        with open(where, encoding="utf-8") as file:
            content = json.load(file)
        return str(content["message"]), content["log"]
    except (OSError, ValueError, KeyError, TypeError):
        return "", None


def path(root: str, run: str) -> str | None:
    """Where it is noted; None for a run whose name is not one of ours."""
    return (
        os.path.join(root, _FOLDER, f"{run}{_SUFFIX}") if _NAME.fullmatch(run) else None
    )
