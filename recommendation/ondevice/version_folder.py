"""Reads version folders. Standard library only, so that it answers at once.

See "Version folder" in `docs/architecture.md` for what is in one.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from ondevice_rec.recommendation.export.items import LABELS, VOCABULARY, Items
from ondevice_rec.schemas.errors import UserError

MANIFEST = "manifest.json"
# In the serving folder: the number of the version that is served.
CURRENT = "current"
MODEL = "model.tflite"
SAVED_MODEL = "saved_model"

FORMAT_VERSION = 1

Read = TypeVar("Read")

_REMEDY = "Push the model again, or use another version."


@dataclass(frozen=True)
class VersionFolder:
    """One published version.

    Attributes:
      path: The folder.
      manifest: What `manifest.json` says.
    """

    path: Path
    manifest: dict[str, Any]

    @property
    def version(self) -> int:
        return int(self.manifest["version"])

    @property
    def num_predictions(self) -> int:
        """Number of items one call of the model recommends."""
        return int(self.manifest["num_predictions"])

    @cached_property
    def items(self) -> Items:
        """The items, by id.

        Raises:
          UserError: the vocabulary does not have the manifest's length.
        """
        items = Items.parse(self.read(VOCABULARY), self.read(LABELS))
        if len(items.keys) != self.manifest["vocab_size"]:
            raise UserError(
                f"{self.path / VOCABULARY} must hold {self.manifest['vocab_size']} "
                f"lines, one an id; it holds {len(items.keys)}. {_REMEDY}"
            )
        return items

    def read(self, name: str) -> str:
        """Text of one of the files."""
        with open(self.path / name, encoding="utf-8", newline="\n") as file:
            return file.read()

    def check_files(self, under: str = "") -> None:
        """Compares every file with the manifest.

        Args:
          under: What the names of those begin with that are looked at.

        Raises:
          UserError: a file is missing or is not the one that was published.
        """
        for name, expected in self.manifest["files"].items():
            if not name.startswith(under):
                continue
            path = self.path / name
            if not path.is_file():
                raise UserError(f"{path} is missing from the version. {_REMEDY}")
            received = file_sha256(path)
            if received != expected["sha256"]:
                raise UserError(
                    f"{path} is not the file that was published: sha256 must be "
                    f"{expected['sha256']}, received {received}. {_REMEDY}"
                )


def versions(serving_dir: Path) -> list[int]:
    """Numbers of the complete versions in a serving folder, oldest first."""
    if not serving_dir.is_dir():
        return []
    return sorted(
        int(entry.name)
        for entry in serving_dir.iterdir()
        if entry.name.isdecimal()
        and str(int(entry.name)) == entry.name
        and (entry / MANIFEST).is_file()
    )


def next_number(taken: Iterable[int]) -> int:
    """The number of the next version: the time, or one more than the latest one's."""
    return max([int(time.time()), *(number + 1 for number in taken)])


def current_version(serving_dir: Path) -> int | None:
    """The version that `current` names; None where there is no such file.

    Raises:
      UserError: it names none.
    """
    try:
        text = (serving_dir / CURRENT).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return parse_current(text, serving_dir)


def parse_current(text: str, serving_dir: str | Path) -> int:
    """The version that the content of `current` names.

    Raises:
      UserError: it names none.
    """
    if not text.strip().isdecimal():
        raise UserError(
            f"{serving_dir}/{CURRENT} must hold the number of a version, received "
            f"{text!r}. Write one of those in the folder: ondevice-rec rollback "
            f"{serving_dir} VERSION"
        )
    return int(text)


def served_version(serving_dir: Path) -> int:
    """The version that readers get: `current`'s, or the latest where there is none.

    Raises:
      UserError: there is no version, or `current` names none of them.
    """
    while True:
        named = current_version(serving_dir)
        found = versions(serving_dir)
        if named is not None and named in found:
            return named
        # A push in between served another one, and may have removed this one.
        if current_version(serving_dir) == named:
            break
    if not found:
        raise UserError(
            f"No version in {serving_dir}: it must be a folder that versions are "
            "pushed to, or one version folder. Push a model first: "
            "ondevice-rec run CONFIG.yaml"
        )
    if named is None:
        return found[-1]
    raise UserError(
        f"{serving_dir / CURRENT} names version {named}, which is not there; there "
        f"are {', '.join(map(str, found))}. Choose one: ondevice-rec rollback "
        f"{serving_dir} VERSION"
    )


def open_version(folder: str | Path) -> VersionFolder:
    """Opens a version folder, or the version that a serving folder serves.

    Raises:
      UserError: there is no version, or it was not written by this format.
    """
    return read_version(folder, lambda version: version)


def read_version(folder: str | Path, read: Callable[[VersionFolder], Read]) -> Read:
    """Reads from a version that a push may replace, and remove, meanwhile.

    Args:
      folder: A version folder, or a serving folder.
      read: Reads what is needed; called again for another version where the one it
        was called for is no longer served.

    Returns:
      What `read` gives.

    Raises:
      UserError: as `open_version`; and what `read` raises.
    """
    if "://" in str(folder):
        raise UserError(
            f"{folder} is in a remote store, and models run from local files. Copy the "
            f"folder of the version that its file `{CURRENT}` names, and open that."
        )
    while True:
        path = _locate(Path(folder))
        try:
            return read(VersionFolder(path, _manifest(path)))
        except (UserError, OSError):
            if _locate(Path(folder)) == path:
                raise


def _locate(folder: Path) -> Path:
    """The version folder that is meant."""
    if (folder / MANIFEST).is_file():
        return folder
    return folder / str(served_version(folder))


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(
            (path / MANIFEST).read_text(encoding="utf-8")
        )
        written_by = manifest["format_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path / MANIFEST} cannot be read: {error!r}. {_REMEDY}"
        ) from (error)
    if written_by != FORMAT_VERSION:
        raise UserError(
            f"{path / MANIFEST} has `format_version` {written_by}; this release reads "
            f"{FORMAT_VERSION}. Use the release of ondevice-rec that pushed it: "
            f"{manifest.get('package_version', 'unknown')}."
        )
    return manifest


def file_sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file's content."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
