"""Where versions are pushed: a local folder, or one in a remote store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ondevice_rec.components.tflite_pusher import remote_publish
from ondevice_rec.components.tflite_pusher.remote_folder import is_remote, open_folder
from ondevice_rec.recommendation.ondevice import publish as local
from ondevice_rec.schemas.errors import UserError


def check(push_dir: str) -> None:
    """Makes sure that a folder can be named so.

    Raises:
      UserError: it cannot.
    """
    if not push_dir or push_dir.startswith("file://"):
        raise UserError(
            "`push_dir` must be the path of a local folder, or a URL such as "
            f"gs://BUCKET/FOLDER, received {push_dir!r}."
        )


def check_reachable(push_dir: str) -> None:
    """Asks a remote store whether it answers, before the long work begins.

    Raises:
      UserError: it does not.
    """
    if is_remote(push_dir):
        open_folder(push_dir).names()


def published_before(
    push_dir: str, lineage: dict[str, Any]
) -> tuple[str, dict[str, Any]] | None:
    """What an earlier attempt of this very execution has published, if it has.

    An attempt can be killed after it published and before ML Metadata knows.

    Args:
      push_dir: Folder of the versions.
      lineage: As the manifest of that version has it.

    Returns:
      The version's folder, and what its manifest says.

    Raises:
      UserError: the folder cannot be used.
    """
    if lineage["execution_id"] is None:
        return None

    def is_it(manifest: dict[str, Any]) -> bool:
        return bool(manifest.get("lineage") == lineage)

    if not is_remote(push_dir):
        version = local.published_before(Path(push_dir), is_it)
        return None if version is None else (str(version.path), version.manifest)
    folder = open_folder(push_dir)
    manifest = remote_publish.published_before(folder, is_it)
    if manifest is None:
        return None
    return f"{folder.uri}/{manifest['version']}", manifest


def publish(
    push_dir: str,
    write_files: Callable[[Path], None],
    facts: dict[str, Any],
    keep_versions: int,
) -> tuple[str, dict[str, Any]]:
    """Publishes a version, as the destination can.

    Args:
      push_dir: Folder of the versions.
      write_files: Writes every file but the manifest into the folder it is given.
      facts: What the manifest says of the model.
      keep_versions: How many versions to keep; 0 keeps all.

    Returns:
      The version's folder, and what its manifest says.

    Raises:
      UserError: it cannot be published; what was served before is served still.
    """
    if not is_remote(push_dir):
        version = local.publish(Path(push_dir), write_files, facts, keep_versions)
        return str(version.path), version.manifest
    folder = open_folder(push_dir)
    manifest = remote_publish.publish(folder, write_files, facts, keep_versions)
    return f"{folder.uri}/{manifest['version']}", manifest
