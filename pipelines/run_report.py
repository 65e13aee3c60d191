"""Writes the page about a run when it ends, however it ends."""

from __future__ import annotations

import logging
import os

from ondevice_rec.pipelines.report import failure, write
from ondevice_rec.schemas import errors

logger = logging.getLogger("ondevice_rec.report")


def after(
    root: str,
    run_id: str,
    error: BaseException | None = None,
    log: str | None = None,
    store: str | None = None,
) -> str:
    """Writes the page; a page that cannot be written fails no run.

    Args:
      root: The run's folder.
      run_id: Name of the run in ML Metadata.
      error: What the run failed of; None where it ended well.
      log: Path of the run's whole log.
      store: URL of the database that holds ML Metadata; None: SQLite, in `root`.

    Returns:
      Path of the page, or why there is none, in words.
    """
    try:
        if error is not None:
            mendable = errors.find(error)
            words = str(mendable) if mendable else f"{type(error).__name__}: {error}"
            failure.write(root, run_id, words, log)
        page = os.path.join(root, write.FILE)
        return os.path.relpath(write.write(store or root, run_id, page))
    except Exception as problem:
        logger.exception("the page about the run")
        return f"not written: {problem}"
