"""Notes on artifacts what they hold, and who made them, where, by which code."""

from __future__ import annotations

import functools
import getpass
import hashlib
import importlib.metadata
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tfx import types
from tfx.dsl.io import fileio

from ondevice_rec.schemas import facts

# In a checkout the folders' own parent; installed, a folder of the package alone.
_ROOT = Path(__file__).resolve().parents[1]
_BLOCK = 1 << 20
_GIT_COMMIT = "ONDEVICE_REC_GIT_COMMIT"


def record(output_dict: dict[str, list[types.Artifact]]) -> None:
    """Sets the properties of `facts.PROVENANCE` that are known, on every output.

    Args:
      output_dict: An executor's outputs, completely written.
    """
    known = origin()
    for artifacts in output_dict.values():
        for artifact in artifacts:
            digest = content_sha256(artifact.uri)
            artifact.set_string_custom_property(facts.CONTENT_SHA256, digest)
            for name, value in known.items():
                artifact.set_string_custom_property(name, value)


@functools.cache
def origin() -> dict[str, str]:
    """The package's version, user and host, and its commit where that is known.

    In a checkout git knows it; what an image was built of stands in a variable.
    """
    found = {
        facts.PACKAGE_VERSION: importlib.metadata.version("ondevice-rec"),
        facts.HOST: socket.gethostname(),
        facts.USER: _user(),
    }
    commit = git_commit(_ROOT) or os.environ.get(_GIT_COMMIT, "")
    return found | ({facts.GIT_COMMIT: commit} if commit else {})


def git_commit(root: Path) -> str:
    """Commit of a checkout, with "-dirty" where files differ from it.

    Empty where `root` is no checkout, or git cannot tell: an installed package may
    lie inside a repository of something else.
    """
    if not (root / ".git").exists():
        return ""
    command = ("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    try:
        return subprocess.run(
            ["git", "-C", str(root), *command],
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def content_sha256(uri: str) -> str:
    """Digest of a folder: sha256 of what `sha256sum` prints for its files by path.

    The same as, in the folder, `find * -type f | LC_ALL=C sort | xargs sha256sum |
    sha256sum` where no name has a blank; files whose names begin with "." count too.
    """
    listing = hashlib.sha256()
    for name in sorted(_files(uri), key=os.fsencode):
        digest = _file_sha256(os.path.join(uri, name))
        listing.update(os.fsencode(f"{digest}  {name}\n"))
    return listing.hexdigest()


def _files(uri: str) -> Iterator[str]:
    """Paths of the files below a folder, relative to it."""
    for folder, _, names in fileio.walk(uri):
        relative = os.path.relpath(folder, uri)
        yield from (os.path.normpath(os.path.join(relative, name)) for name in names)


def _file_sha256(path: str) -> str:
    digest = hashlib.sha256()
    with fileio.open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user need not have a name.
        return str(os.getuid())
