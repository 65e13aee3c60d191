"""Files in a store that has a URL and no locks and renames, as object stores.

`gs://`, `s3://` and others go by Beam's filesystems, what those do not know by TFX's
fileio.
"""

from __future__ import annotations

import contextlib
import importlib.util
import uuid
from collections.abc import Iterator
from typing import Protocol

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from tfx.dsl.io import fileio

from ondevice_rec.schemas.errors import UserError

_MIME_TYPE = "application/octet-stream"


def is_remote(folder: str) -> bool:
    """Whether a folder is named by a URL."""
    return "://" in folder


class RemoteFolder(Protocol):
    """A folder; names are relative to it, with slashes.

    A file is there from one moment to the next, whole, where the store does so: those
    of Google, Amazon and Microsoft do.

    Attributes:
      uri: Its URL, without a slash at the end.
    """

    uri: str

    def names(self) -> set[str]:
        """All files under it, in folders too."""

    def read(self, name: str) -> bytes:
        """Content of a file."""

    def write(self, name: str, content: bytes) -> None:
        """Writes a file, over one that is there."""

    def remove(self, name: str) -> None:
        """Removes a file."""


def open_folder(uri: str) -> RemoteFolder:
    """The folder of a URL; it need not be there.

    Raises:
      UserError: a library for it is missing.
    """
    uri = uri.rstrip("/")
    if uri.startswith("s3://") and importlib.util.find_spec("boto3") is None:
        raise UserError(
            f"{uri} takes boto3, which is not installed. Install it: "
            'pip install "apache-beam[aws]"'
        )
    # S3's asks for options; those of an earlier pipeline in this process stay.
    if FileSystems._pipeline_options is None:
        FileSystems.set_options(PipelineOptions([]))
    with _told(uri):
        try:
            FileSystems.get_filesystem(uri)
        except ValueError:
            return _FileioFolder(uri)
    return _BeamFolder(uri)


class _BeamFolder:
    def __init__(self, uri: str) -> None:
        self.uri = uri

    def names(self) -> set[str]:
        with _told(self.uri):
            (found,) = FileSystems.match([f"{self.uri}/**"])
        return {each.path.removeprefix(f"{self.uri}/") for each in found.metadata_list}

    def read(self, name: str) -> bytes:
        path = f"{self.uri}/{name}"
        plain = CompressionTypes.UNCOMPRESSED
        with _told(path), FileSystems.open(path, _MIME_TYPE, plain) as file:
            content: bytes = file.read()
            return content

    def write(self, name: str, content: bytes) -> None:
        path = f"{self.uri}/{name}"
        plain = CompressionTypes.UNCOMPRESSED
        with _told(path), FileSystems.create(path, _MIME_TYPE, plain) as file:
            file.write(content)

    def remove(self, name: str) -> None:
        path = f"{self.uri}/{name}"
        with _told(path):
            FileSystems.delete([path])


class _FileioFolder:
    def __init__(self, uri: str) -> None:
        self.uri = uri

    def names(self) -> set[str]:
        with _told(self.uri):
            if not fileio.exists(self.uri):
                return set()
            return {
                f"{folder.rstrip('/')}/{name}".removeprefix(f"{self.uri}/")
                for folder, _, files in fileio.walk(self.uri)
                for name in files
            }

    def read(self, name: str) -> bytes:
        path = f"{self.uri}/{name}"
        with _told(path), fileio.open(path, "rb") as file:
            content: bytes = file.read()
            return content

    def write(self, name: str, content: bytes) -> None:
        path = f"{self.uri}/{name}"
        with _told(path):
            fileio.makedirs(path.rpartition("/")[0])
            # These are file systems: a file shows while it is written.
            part = f"{path}.part-{uuid.uuid4().hex}"
            with fileio.open(part, "wb") as file:
                file.write(content)
            fileio.rename(part, path, overwrite=True)

    def remove(self, name: str) -> None:
        path = f"{self.uri}/{name}"
        with _told(path):
            fileio.remove(path)


@contextlib.contextmanager
def _told(path: str) -> Iterator[None]:
    """Makes one error of those that stores raise, each of their own classes."""
    try:
        yield
    except Exception as error:
        raise UserError(
            f"{path} cannot be used: {type(error).__name__}: {error}. Check that the "
            "store is there, and that this machine's credentials allow reading, "
            "writing and removing in it."
        ) from error
