"""Serves another version of a serving folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    if not versions(serving_dir):
        raise no_version(serving_dir)
    with locked(serving_dir):
        served, wanted = choose(
            serving_dir,
            versions(serving_dir),
            lambda: current_version(serving_dir),
            version,
        )
        open_version(serving_dir / str(wanted)).check_files()
        current.point(serving_dir, current.prepare(serving_dir, wanted))
    return served, wanted


def no_version(serving_dir: str | Path) -> UserError:
    """Of a folder without a version."""
    return UserError(f"No version in {serving_dir}. Name a folder pushed to.")


def choose(
    serving_dir: str | Path,
    found: Sequence[int],
    read_current: Callable[[], int | None],
    version: int | None,
) -> tuple[int, int]:
    """Which version is served, and which one is to be.

    Args:
      serving_dir: Folder of the versions, for messages.
      found: The versions in it, oldest first.
      read_current: Gives the version that `current` names, None where there is none.
      version: As `rollback`'s.

    Raises:
      UserError: there is no such version.
    """
    try:
        served = read_current() or found[-1]
    except UserError:
        # A broken pointer is mended by naming a version.
        if version is None:
            raise
        served = found[-1]
    wanted = _before(serving_dir, found, served) if version is None else version
    if wanted not in found:
        raise UserError(
            f"{serving_dir} has no version {wanted}; it has "
            f"{', '.join(map(str, found))}."
        )
    return served, wanted


def _before(serving_dir: str | Path, found: Sequence[int], served: int) -> int:
    earlier = [version for version in found if version < served]
    if not earlier:
        raise UserError(
            f"{serving_dir} has no version before {served}, which is served. Name a "
            "version, or push another model."
        )
    return earlier[-1]
