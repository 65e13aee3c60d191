"""Writes that are on the disk when they return."""

from __future__ import annotations

import os
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Writes a file and flushes it."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def flush_file(path: Path) -> None:
    """Flushes a file that was written before."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def flush_folder(path: Path) -> None:
    """Flushes which entries a folder has."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
