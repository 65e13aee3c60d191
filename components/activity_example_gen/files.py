"""Opens and lists files, local or where TFX's file systems reach."""

from __future__ import annotations

import os
from typing import BinaryIO

from tfx.dsl.io import fileio

from ondevice_rec.schemas import log_files


def is_remote(path: str) -> bool:
    """Whether a path has a scheme, such as gs://."""
    return "://" in path


def open_binary(path: str) -> BinaryIO:
    """Opens a file for reading."""
    return fileio.open(path, "rb") if is_remote(path) else open(path, "rb")


def size(path: str) -> int:
    """Returns the size of a file in bytes."""
    return fileio.stat(path).length if is_remote(path) else os.path.getsize(path)


def list_files(path: str) -> list[str]:
    """Lists the files of a path without placeholders, sorted by name.

    Raises:
      IngestionError: There is none.
    """
    if not is_remote(path):
        return log_files.list_files(path)
    found = fileio.glob(path)
    if found and all(fileio.isdir(name) for name in found):
        found = [os.path.join(d, name) for d in found for name in fileio.listdir(d)]
    files = log_files.usable_files(name for name in found if not fileio.isdir(name))
    if not files:
        raise log_files.IngestionError(
            f"`path` {path} matches no file. Correct `path`: a file, a directory, or "
            "a pattern such as gs://bucket/logs/*.csv."
        )
    return files
