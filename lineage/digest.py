"""Digests of files and of folders, as our executors record them."""

from __future__ import annotations

import hashlib
import os

_BLOCK = 1 << 20


def of_file(path: str) -> str:
    """Hexadecimal sha256 of a file's content."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def of_folder(folder: str) -> str:
    """sha256 of what `sha256sum` prints for the files below a folder, by path.

    `components/provenance.py` writes the same, on any file system.
    """
    listing = hashlib.sha256()
    for name in sorted(files(folder), key=os.fsencode):
        line = f"{of_file(os.path.join(folder, name))}  {name}\n"
        listing.update(os.fsencode(line))
    return listing.hexdigest()


def files(folder: str) -> list[str]:
    """Paths of the files below a folder, relative to it."""
    return [
        os.path.relpath(os.path.join(below, name), folder)
        for below, _, names in os.walk(folder)
        for name in names
    ]
