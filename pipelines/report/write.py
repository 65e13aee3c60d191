"""Writes the page about a run."""

from __future__ import annotations

import os

from ondevice_rec.lineage.store import Store
from ondevice_rec.pipelines.report import page
from ondevice_rec.schemas.errors import UserError

FILE = "report.html"


def write(location: str, wanted: str | None = None, output: str | None = None) -> str:
    """Writes the page.

    Args:
      location: Where the store is, as `Store` takes it.
      wanted: A run's name or a pushed version; None for the latest run.
      output: File to write; None for `FILE` in the run's folder, beside the SQLite
        file, or in the current folder where the store is a database.

    Returns:
      Path of the file.

    Raises:
      LineageError: the store cannot be read, or holds no such run.
      UserError: the file cannot be written.
    """
    store = Store(location)
    text = page.render(store, wanted)
    path = output or os.path.join(_folder(location), FILE)
    # Who looks at the page meanwhile sees the one before.
    partial = f"{path}.{os.getpid()}.partial"
    try:
        with open(partial, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(partial, path)
    except OSError as error:
        if os.path.exists(partial):
            os.remove(partial)
        raise UserError(
            f"{path}: the page cannot be written: {error.strerror}. Name another "
            "file: -o FILE"
        ) from error
    return path


def _folder(location: str) -> str:
    if os.path.isdir(location):
        return location
    return os.path.dirname(location) if os.path.isfile(location) else ""
