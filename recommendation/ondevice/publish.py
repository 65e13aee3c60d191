"""Publishes a version folder: a reader sees all of it or nothing.

Files are written into a staging folder beside the versions, on the same filesystem,
and flushed to disk; the manifest is written last; one rename makes the version
visible, another one makes it the one that is served. A crash leaves at most a staging
folder or a pointer, which no reader looks at and the next push removes.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ondevice_rec.recommendation.ondevice import (
    current,
    retention,
    version_contents,
    version_folder,
)
from ondevice_rec.recommendation.ondevice.serving_lock import locked
from ondevice_rec.schemas.errors import UserError

logger = logging.getLogger("ondevice_rec.ondevice.publish")

STAGING_PREFIX = ".staging-"


def publish(
    push_dir: Path,
    write_files: Callable[[Path], None],
    facts: dict[str, Any],
    keep_versions: int = 0,
) -> version_folder.VersionFolder:
    """Writes a version folder, publishes it and makes it the one that is served.

    Pushes to the same folder wait for each other.

    Args:
      push_dir: Folder of the versions; made if it is not there.
      write_files: Writes every file but the manifest into the folder it is given.
      facts: What the manifest says beside `format_version`, `version`, `created_at`,
        `vocabulary_changes` and `files`.
      keep_versions: How many versions to keep, beside the served one; 0 keeps all.

    Returns:
      The published version. Its number is the time in Unix seconds, or one more than
      the latest version's where that is not later.

    Raises:
      UserError: the folder cannot be written to, or the disk is full; what was served
        before is served still.
    """
    try:
        push_dir.mkdir(parents=True, exist_ok=True)
        with locked(push_dir):
            _remove_leftovers(push_dir)
            published = _publish(push_dir, write_files, facts)
            retention.keep_last(push_dir, keep_versions)
    except OSError as error:
        raise UserError(
            f"{push_dir} cannot take the version: {error}. What was served before is "
            "served still. Make room or let this user write there, and push again."
        ) from error
    logger.info("published %s", published.path)
    return published


def published_before(
    push_dir: Path, is_it: Callable[[dict[str, Any]], bool]
) -> version_folder.VersionFolder | None:
    """Finds a version that a push, killed before it could tell, has published.

    The latest version is made the one that is served, which that push may not have
    come to.

    Args:
      push_dir: Folder of the versions.
      is_it: Whether a manifest is that push's.
    """
    numbers = version_folder.versions(push_dir)
    for number in reversed(numbers):
        try:
            found = version_folder.open_version(push_dir / str(number))
        except UserError:
            # Whatever it is, it is not what is looked for.
            continue
        if not is_it(found.manifest):
            continue
        with locked(push_dir):
            if number == numbers[-1]:
                current.point(push_dir, current.prepare(push_dir, number))
        return found
    return None


def _publish(
    push_dir: Path, write_files: Callable[[Path], None], facts: dict[str, Any]
) -> version_folder.VersionFolder:
    staging = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=push_dir))
    try:
        # mkdtemp's folders are for their owner alone; readers are other users.
        staging.chmod(0o755)
        version = version_folder.next_number(_taken(push_dir))
        manifest = version_contents.write(
            staging, version, write_files, facts, lambda: _before(push_dir)
        )
        # Before the version is seen: a full disk stops here.
        pointer = current.prepare(push_dir, version)
        target = push_dir / str(version)
        os.rename(staging, target)
        current.point(push_dir, pointer)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        for pointer in push_dir.glob(current.POINTER_PREFIX + "*"):
            pointer.unlink()
        raise
    return version_folder.VersionFolder(target, manifest)


def _before(push_dir: Path) -> version_folder.VersionFolder | None:
    if not version_folder.versions(push_dir):
        return None
    return version_folder.open_version(push_dir)


def _taken(push_dir: Path) -> list[int]:
    """Numbers that cannot be used, complete versions or not."""
    return [int(e.name) for e in push_dir.iterdir() if e.name.isdecimal()]


def _remove_leftovers(push_dir: Path) -> None:
    """Removes what pushes that died have left; none goes on while this one does."""
    for prefix in (STAGING_PREFIX, retention.REMOVED_PREFIX, current.POINTER_PREFIX):
        for entry in push_dir.glob(prefix + "*"):
            logger.warning("removing %s, left by a push that did not end", entry)
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
