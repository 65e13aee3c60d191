"""Reads files of artifacts, which may be gone, elsewhere or damaged."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ondevice_rec.lineage import connection
from ondevice_rec.lineage.graph import ArtifactNode
from ondevice_rec.pipelines.report.missing import Missing

Read = TypeVar("Read")

# Larger ones are not what our executors write.
_MAX_BYTES = 64 << 20


class Files:
    """Reads files of artifacts."""

    def __init__(self, within: Sequence[str] | None = None) -> None:
        """Says what may be read.

        Args:
          within: The only folders that files are read from, links followed; None for
            any. What a store names as a path is not to be believed where pages go to
            others.
        """
        self._within = None if within is None else [*map(os.path.realpath, within)]

    def allows(self, path: str) -> bool:
        """Whether a file may be read."""
        real = os.path.realpath(path)
        return self._within is None or any(_is_below(real, f) for f in self._within)

    def json(self, artifact: ArtifactNode, *names: str) -> dict[str, Any]:
        """A JSON object; see `read`."""

        def parse(content: bytes) -> dict[str, Any]:
            found = json.loads(content)
            if not isinstance(found, dict):
                raise ValueError("it holds no JSON object")
            return found

        return self.read(artifact, parse, *names)

    def read(
        self, artifact: ArtifactNode, parse: Callable[[bytes], Read], *names: str
    ) -> Read:
        """Reads a file of an artifact.

        Args:
          artifact: The artifact.
          parse: Makes sense of its content; may raise anything.
          *names: Path of the file in the artifact's folder.

        Raises:
          Missing: it is not there, or makes no sense; says which and why.
        """
        path = self.path(artifact, *names)
        try:
            if os.path.getsize(path) > _MAX_BYTES:
                raise Missing(f"{path} is too large to be shown.")
            with open(path, "rb") as file:
                content = file.read()
        except FileNotFoundError:
            raise Missing(
                f"{path} is not there: other software or another release wrote the "
                "folder, or the file was deleted."
            ) from None
        except OSError as error:
            raise Missing(f"{path} cannot be read: {error.strerror}.") from error
        try:
            return parse(content)
        except Missing:
            raise
        except Exception as error:
            raise Missing(
                f"{path} is damaged, or was written by other software: {error}."
            ) from error

    def path(self, artifact: ArtifactNode, *names: str) -> str:
        """Path of a file of an artifact.

        Raises:
          Missing: its folder is not on this machine, or must not be read.
        """
        if connection.is_url(artifact.uri):
            raise Missing(f"{artifact.uri} is not on this machine's disk.")
        folder = artifact.uri
        path = os.path.realpath(os.path.join(folder, *names))
        if not self.allows(path):
            raise Missing(f"{path} is outside the folder whose files are shown.")
        if not os.path.isdir(folder):
            raise Missing(
                f"{folder} is not on this machine, or was deleted "
                f"({artifact.type} {artifact.id})."
            )
        return path


def _is_below(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder
