"""The versions in a remote folder, and which of them is served.

A version is there when its manifest is, which is written last; `current` names the one
that is served.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from ondevice_rec.components.tflite_pusher.remote_folder import RemoteFolder
from ondevice_rec.recommendation.ondevice import rollback, version_folder
from ondevice_rec.recommendation.ondevice.version_folder import (
    CURRENT,
    MANIFEST,
    VersionFolder,
)
from ondevice_rec.schemas.errors import UserError


def taken(names: Iterable[str]) -> set[int]:
    """Numbers that cannot be used, of complete versions or not.

    Args:
      names: All files in the folder.
    """
    numbers = (name.partition("/")[0] for name in names if "/" in name)
    return {int(number) for number in numbers if number.isdecimal()}


def complete(names: set[str]) -> list[int]:
    """Numbers of the versions that are there, oldest first."""
    return sorted(n for n in taken(names) if f"{n}/{MANIFEST}" in names)


def current(folder: RemoteFolder, names: set[str]) -> int | None:
    """The version that `current` names; None where there is no such file.

    Raises:
      UserError: it names none.
    """
    if CURRENT not in names:
        return None
    text = folder.read(CURRENT).decode("utf-8", "replace")
    return version_folder.parse_current(text, folder.uri)


def point(folder: RemoteFolder, version: int) -> None:
    """Serves a version."""
    folder.write(CURRENT, f"{version}\n".encode())


def fetch_served(
    folder: RemoteFolder, copy: Path, wanted: Callable[[str], bool]
) -> VersionFolder | None:
    """Copies the manifest and other files of the version that is served.

    Args:
      folder: The remote folder.
      copy: Folder to make.
      wanted: Whether a file is copied, by its path in the version.

    Returns:
      The copy; None where there is no version.
    """
    names = folder.names()
    found = complete(names)
    if not found:
        return None
    served = current(folder, names) or found[-1]
    for name in names:
        version, _, file = name.partition("/")
        if version == str(served) and (file == MANIFEST or wanted(file)):
            path = copy / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(folder.read(name))
    return version_folder.open_version(copy)


def roll_back(folder: RemoteFolder, version: int | None = None) -> tuple[int, int]:
    """As `rollback.rollback`, in a remote folder."""
    names = folder.names()
    found = complete(names)
    if not found:
        raise rollback.no_version(folder.uri)
    served, wanted = rollback.choose(
        folder.uri, found, lambda: current(folder, names), version
    )
    _check_files(folder, wanted, names)
    point(folder, wanted)
    if f"{wanted}/{MANIFEST}" not in folder.names():
        point(folder, served)
        raise UserError(
            f"A push to {folder.uri} has removed version {wanted}; {served} is served "
            "still. Choose another one."
        )
    return served, wanted


def _check_files(folder: RemoteFolder, version: int, names: set[str]) -> None:
    manifest = json.loads(folder.read(f"{version}/{MANIFEST}"))
    for name, expected in manifest["files"].items():
        path = f"{version}/{name}"
        if path not in names:
            raise UserError(
                f"{folder.uri}/{path} is missing from the version. Use another one."
            )
        received = hashlib.sha256(folder.read(path)).hexdigest()
        if received != expected["sha256"]:
            raise UserError(
                f"{folder.uri}/{path} is not the file that was published: sha256 must "
                f"be {expected['sha256']}, received {received}. Use another version."
            )
