"""Publishes a version folder: a reader sees all of it or nothing.

Files are written into a staging folder beside the versions, on the same filesystem,
and flushed to disk; the manifest is written last; one rename makes the version
visible. A crash before the rename leaves a staging folder, which no reader looks at
and a later push removes.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ondevice_rec.recommendation.ondevice import version_folder

logger = logging.getLogger("ondevice_rec.ondevice.publish")

STAGING_PREFIX = ".staging-"
# Staging takes seconds; a folder this old belongs to a push that died.
STALE_AFTER_SECONDS = 3600.0


def publish(
    push_dir: Path,
    write_files: Callable[[Path], None],
    facts: dict[str, Any],
) -> version_folder.VersionFolder:
    """Writes a version folder and publishes it.

    Args:
      push_dir: Folder of the versions; made if it is not there.
      write_files: Writes every file but the manifest into the folder it is given.
      facts: What the manifest says beside `format_version`, `version`, `created_at`
        and `files`.

    Returns:
      The published version. Its number is the time in Unix seconds, or one more than
      the latest version's where that is not later.
    """
    push_dir.mkdir(parents=True, exist_ok=True)
    _remove_stale(push_dir)
    staging = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=push_dir))
    try:
        write_files(staging)
        # mkdtemp's folders are for their owner alone; readers are other users.
        staging.chmod(0o755)
        manifest = {
            "format_version": version_folder.FORMAT_VERSION,
            "version": 0,
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            **facts,
            "files": _describe_files(staging),
        }
        return _rename(push_dir, staging, manifest)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _rename(
    push_dir: Path, staging: Path, manifest: dict[str, Any]
) -> version_folder.VersionFolder:
    """Gives the staging folder the next free number."""
    while True:
        version = max([int(time.time()), *(n + 1 for n in _taken(push_dir))])
        manifest["version"] = version
        _write_flushed(
            staging / version_folder.MANIFEST,
            json.dumps(manifest, indent=2, ensure_ascii=False) + "\n",
        )
        _flush_folder(staging)
        target = push_dir / str(version)
        try:
            # POSIX renames a folder onto a missing or empty one only.
            os.rename(staging, target)
        except OSError as error:
            if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                logger.info("version %d was taken meanwhile", version)
                continue
            raise
        _flush_folder(push_dir)
        logger.info("published %s", target)
        return version_folder.VersionFolder(target, manifest)


def _taken(push_dir: Path) -> list[int]:
    """Numbers that cannot be used, complete versions or not."""
    return [int(e.name) for e in push_dir.iterdir() if e.name.isdecimal()]


def _describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Flushes every file and says what it is."""
    described = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            _flush_folder(path)
            continue
        with open(path, "rb") as file:
            os.fsync(file.fileno())
        described[path.relative_to(folder).as_posix()] = {
            "sha256": version_folder.file_sha256(path),
            "size": path.stat().st_size,
        }
    return described


def _write_flushed(path: Path, text: str) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_stale(push_dir: Path) -> None:
    """Removes what pushes that died have left."""
    for entry in push_dir.glob(STAGING_PREFIX + "*"):
        try:
            age = time.time() - entry.stat().st_mtime
        except FileNotFoundError:
            continue
        if age > STALE_AFTER_SECONDS:
            logger.warning("removing %s, left by a push that did not end", entry)
            shutil.rmtree(entry, ignore_errors=True)
