"""Removes old versions."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from ondevice_rec.recommendation.ondevice.version_folder import (
    current_version,
    versions,
)

logger = logging.getLogger("ondevice_rec.ondevice.retention")

REMOVED_PREFIX = ".removed-"


def keep_last(serving_dir: Path, count: int) -> list[int]:
    """Removes all versions but the latest ones and the one that is served.

    A version goes by a rename, so that nobody sees a part of it.

    Args:
      serving_dir: The folder, locked.
      count: How many to keep; 0 keeps all.

    Returns:
      The versions that were removed.
    """
    found = versions(serving_dir)
    served = current_version(serving_dir)
    # `[:-0]` is nothing.
    removed = [version for version in found[:-count] if version != served]
    for version in removed:
        aside = serving_dir / f"{REMOVED_PREFIX}{version}"
        shutil.rmtree(aside, ignore_errors=True)
        os.rename(serving_dir / str(version), aside)
        shutil.rmtree(aside, ignore_errors=True)
        logger.info("removed version %d of %s", version, serving_dir)
    return removed
