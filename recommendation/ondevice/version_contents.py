"""Writes what is in a version folder, wherever that goes."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ondevice_rec.recommendation.export.items import VOCABULARY, parse_keys
from ondevice_rec.recommendation.ondevice import (
    durable,
    version_folder,
    vocabulary_changes,
)
from ondevice_rec.recommendation.ondevice.version_folder import VersionFolder
from ondevice_rec.schemas.errors import UserError

logger = logging.getLogger("ondevice_rec.ondevice.publish")

# Keys moved, gained and lost since the version before.
VOCABULARY_CHANGES = "vocabulary_changes.json"


def write(
    folder: Path,
    version: int,
    write_files: Callable[[Path], None],
    facts: dict[str, Any],
    open_before: Callable[[], VersionFolder | None],
) -> dict[str, Any]:
    """Writes all files of a version and flushes them, the manifest last.

    Args:
      folder: Where; empty.
      version: The version's number.
      write_files: Writes every file but the manifest into the folder it is given.
      facts: What the manifest says beside `format_version`, `version`, `created_at`,
        `vocabulary_changes` and `files`.
      open_before: Opens the version served until now; None for the first one.

    Returns:
      What the manifest says.
    """
    write_files(folder)
    manifest = {
        "format_version": version_folder.FORMAT_VERSION,
        "version": version,
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **facts,
        "vocabulary_changes": _vocabulary_changes(open_before, folder),
        "files": _describe_files(folder),
    }
    durable.write_text(folder / version_folder.MANIFEST, manifest_text(manifest))
    durable.flush_folder(folder)
    return manifest


def manifest_text(manifest: dict[str, Any]) -> str:
    """Content of the manifest's file."""
    return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"


def _vocabulary_changes(
    open_before: Callable[[], VersionFolder | None], folder: Path
) -> dict[str, Any] | None:
    """Compares the vocabularies with those of the version served until now.

    Returns:
      What the manifest says; None for the first version. The keys themselves are
      written to a file.
    """
    try:
        before = open_before()
        if before is None:
            return None
        changes = {
            name: vocabulary_changes.compare(
                parse_keys(
                    before.read(name) if name in before.manifest["files"] else ""
                ),
                parse_keys((folder / name).read_text(encoding="utf-8")),
            )
            for name in _vocabulary_files(folder)
        }
    except (UserError, OSError, KeyError) as error:
        # Of all versions, a broken one must not be served on.
        logger.warning("not compared with the version before: %s", error)
        return {"since": None, "reason": str(error)}
    lists = {name: change.lists for name, change in changes.items()}
    text = json.dumps(lists, indent=1, ensure_ascii=False) + "\n"
    (folder / VOCABULARY_CHANGES).write_text(text, encoding="utf-8")
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
