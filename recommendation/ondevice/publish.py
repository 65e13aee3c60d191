"""Publishes a version folder: a reader sees all of it or nothing.

Files are written into a staging folder beside the versions, on the same filesystem,
and flushed to disk; the manifest is written last; one rename makes the version
visible, another one makes it the one that is served. A crash leaves at most a staging
folder or a pointer, which no reader looks at and the next push removes.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ondevice_rec.recommendation.export.items import VOCABULARY, parse_keys
from ondevice_rec.recommendation.ondevice import (
    current,
    durable,
    retention,
    version_folder,
    vocabulary_changes,
)
from ondevice_rec.recommendation.ondevice.serving_lock import locked
from ondevice_rec.schemas.errors import UserError

logger = logging.getLogger("ondevice_rec.ondevice.publish")

STAGING_PREFIX = ".staging-"
# Keys moved, gained and lost since the version before.
VOCABULARY_CHANGES = "vocabulary_changes.json"


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


def _publish(
    push_dir: Path, write_files: Callable[[Path], None], facts: dict[str, Any]
) -> version_folder.VersionFolder:
    staging = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=push_dir))
    try:
        write_files(staging)
        # mkdtemp's folders are for their owner alone; readers are other users.
        staging.chmod(0o755)
        version = max([int(time.time()), *(n + 1 for n in _taken(push_dir))])
        manifest = {
            "format_version": version_folder.FORMAT_VERSION,
            "version": version,
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            **facts,
            "vocabulary_changes": _vocabulary_changes(push_dir, staging),
            "files": _describe_files(staging),
        }
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        durable.write_text(staging / version_folder.MANIFEST, text)
        durable.flush_folder(staging)
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


def _taken(push_dir: Path) -> list[int]:
    """Numbers that cannot be used, complete versions or not."""
    return [int(e.name) for e in push_dir.iterdir() if e.name.isdecimal()]


def _vocabulary_changes(push_dir: Path, staging: Path) -> dict[str, Any] | None:
    """Compares the vocabularies with those of the version served until now.

    Returns:
      What the manifest says; None for the first version. The keys themselves are
      written to a file.
    """
    if not version_folder.versions(push_dir):
        return None
    try:
        before = version_folder.open_version(push_dir)
        changes = {
            name: vocabulary_changes.compare(
                parse_keys(
                    before.read(name) if name in before.manifest["files"] else ""
                ),
                parse_keys((staging / name).read_text(encoding="utf-8")),
            )
            for name in _vocabulary_files(staging)
        }
    except (UserError, OSError, KeyError) as error:
        # Of all versions, a broken one must not be served on.
        logger.warning("not compared with the version before: %s", error)
        return {"since": None, "reason": str(error)}
    lists = {name: change.lists for name, change in changes.items()}
    text = json.dumps(lists, indent=1, ensure_ascii=False) + "\n"
    (staging / VOCABULARY_CHANGES).write_text(text, encoding="utf-8")
    counts = {name: change.counts for name, change in changes.items()}
    return {"since": before.version, "vocabularies": counts}


def _vocabulary_files(folder: Path) -> list[str]:
    others = sorted((folder / "vocabularies").glob("*.txt"))
    return [VOCABULARY, *(path.relative_to(folder).as_posix() for path in others)]


def _describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Flushes every file and says what it is."""
    described = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            durable.flush_folder(path)
            continue
        durable.flush_file(path)
        described[path.relative_to(folder).as_posix()] = {
            "sha256": version_folder.file_sha256(path),
            "size": path.stat().st_size,
        }
    return described


def _remove_leftovers(push_dir: Path) -> None:
    """Removes what pushes that died have left; none goes on while this one does."""
    for prefix in (STAGING_PREFIX, retention.REMOVED_PREFIX, current.POINTER_PREFIX):
        for entry in push_dir.glob(prefix + "*"):
            logger.warning("removing %s, left by a push that did not end", entry)
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
