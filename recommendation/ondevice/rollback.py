"""Serves another version of a serving folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ondevice_rec.recommendation.ondevice import current
from ondevice_rec.recommendation.ondevice.serving_lock import locked
from ondevice_rec.recommendation.ondevice.version_folder import (
    current_version,
    open_version,
    versions,
)
from ondevice_rec.schemas.errors import UserError


def rollback(serving_dir: Path, version: int | None = None) -> tuple[int, int]:
    """Makes a version the one that readers get, until the next push.

    Args:
      serving_dir: Folder of the versions.
      version: The version to serve; left out: the one before the served one.

    Returns:
      The version served before, and the one served now.

    Raises:
      UserError: there is no such version, or its files are not those published.
    """
    found = versions(serving_dir)
    if not found:
        raise UserError(f"No version in {serving_dir}. Name a folder pushed to.")
    with locked(serving_dir):
        found = versions(serving_dir)
        # A broken pointer is mended by naming a version.
        served = _served(serving_dir, found, mending=version is not None)
        wanted = _before(serving_dir, found, served) if version is None else version
        if wanted not in found:
            raise UserError(
                f"{serving_dir} has no version {wanted}; it has "
                f"{', '.join(map(str, found))}."
            )
        open_version(serving_dir / str(wanted)).check_files()
        current.point(serving_dir, current.prepare(serving_dir, wanted))
    return served, wanted


def _served(serving_dir: Path, found: Sequence[int], mending: bool) -> int:
    try:
        return current_version(serving_dir) or found[-1]
    except UserError:
        if not mending:
            raise
        return found[-1]


def _before(serving_dir: Path, found: Sequence[int], served: int) -> int:
    earlier = [version for version in found if version < served]
    if not earlier:
        raise UserError(
            f"{serving_dir} has no version before {served}, which is served. Name a "
            "version, or push another model."
        )
    return earlier[-1]
