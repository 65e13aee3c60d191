"""Publishes a version to a store without locks and renames.

The files are made on this machine and copied into a folder of the version's number, the
manifest last: a version without its manifest is not there. Then `current` is written,
one object. Killed at any moment, a push leaves what was served; what it left of a
version is removed by a push a day later.

Pushes at once do not wait for each other. Each claims its number by a file in the
version's folder and looks whether it is alone there: of two, at most one sees nobody
else, given that a list shows what was written before it was asked for, as those of
Google's, Amazon's and Microsoft's stores do. A claim also keeps the other's retention
away. The push that ends last is served.
"""

from __future__ import annotations

import contextlib
import json
import logging
import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ondevice_rec.components.tflite_pusher import remote_versions
from ondevice_rec.components.tflite_pusher.remote_folder import RemoteFolder
from ondevice_rec.recommendation.ondevice import version_contents, version_folder
from ondevice_rec.recommendation.ondevice.version_folder import MANIFEST
from ondevice_rec.schemas.errors import UserError

logger = logging.getLogger("ondevice_rec.pusher.remote")

_CLAIM = ".claim-"
# After which a push that has not ended has died.
_DEAD_SECONDS = 86_400
_ATTEMPTS = 20
# How many manifests are read to find out whether this very push was made before.
_LATEST = 10


def publish(
    folder: RemoteFolder,
    write_files: Callable[[Path], None],
    facts: dict[str, Any],
    keep_versions: int = 0,
) -> dict[str, Any]:
    """Publishes a version and makes it the one that is served.

    Args:
      folder: Folder of the versions.
      write_files: As `publish.publish`'s.
      facts: As `publish.publish`'s.
      keep_versions: As `publish.publish`'s.

    Returns:
      What the manifest says.

    Raises:
      UserError: the folder cannot be used; what was served before is served still.
    """
    with tempfile.TemporaryDirectory() as work, _claimed(folder) as version:
        staging = Path(work, str(version))
        staging.mkdir()
        manifest = version_contents.write(
            staging,
            version,
            write_files,
            facts,
            lambda: remote_versions.fetch_served(
                folder, Path(work, "before"), lambda file: file.endswith(".txt")
            ),
        )
        for name in [*manifest["files"], MANIFEST]:
            folder.write(f"{version}/{name}", (staging / name).read_bytes())
        remote_versions.point(folder, version)
        _keep_last(folder, keep_versions)
    logger.info("published %s/%d", folder.uri, version)
    return manifest


def published_before(
    folder: RemoteFolder, is_it: Callable[[dict[str, Any]], bool]
) -> dict[str, Any] | None:
    """As `publish.published_before`, among the latest versions; gives the manifest."""
    numbers = remote_versions.complete(folder.names())
    for number in reversed(numbers[-_LATEST:]):
        manifest: dict[str, Any] = json.loads(folder.read(f"{number}/{MANIFEST}"))
        if is_it(manifest):
            if number == numbers[-1]:
                remote_versions.point(folder, number)
            return manifest
    return None


@contextlib.contextmanager
def _claimed(folder: RemoteFolder) -> Iterator[int]:
    """A number that no other push uses; what stands under it goes where this fails."""
    version, claim = _claim(folder)
    try:
        yield version
    except BaseException:
        with contextlib.suppress(UserError):
            names = folder.names()
            # Whatever came after `current` does not undo a version that is served.
            if remote_versions.current(folder, names) != version:
                _remove(folder, version, names)
        raise
    finally:
        with contextlib.suppress(UserError):
            folder.remove(claim)


def _claim(folder: RemoteFolder) -> tuple[int, str]:
    for attempt in range(_ATTEMPTS):
        version = version_folder.next_number(remote_versions.taken(folder.names()))
        # So that those who have met do not meet again.
        version += random.randrange(attempt + 1)
        claim = f"{version}/{_CLAIM}{uuid.uuid4().hex}"
        # Beam cannot write an empty object to S3.
        folder.write(claim, b"claimed")
        if [n for n in folder.names() if n.startswith(f"{version}/")] == [claim]:
            return version, claim
        folder.remove(claim)
    raise UserError(
        f"Other pushes to {folder.uri} have taken every number that this one tried, "
        f"{_ATTEMPTS} times; nothing was changed. Push again."
    )


def _keep_last(folder: RemoteFolder, count: int) -> None:
    """Removes old versions but the served one, and what dead pushes have left."""
    names = folder.names()
    # Read after the list: a push that has ended since has written it.
    served = remote_versions.current(folder, names)
    found = remote_versions.complete(names)
    claimed = {
        number
        for number in remote_versions.taken(n for n in names if f"/{_CLAIM}" in n)
        if number > time.time() - _DEAD_SECONDS
    }
    dead = {
        number
        for number in remote_versions.taken(names) - set(found)
        if number < time.time() - _DEAD_SECONDS
    }
    # `[:-0]` is nothing.
    for number in sorted(({*found[:-count]} | dead) - claimed - {served}):
        _remove(folder, number, names)
        logger.info("removed version %d of %s", number, folder.uri)


def _remove(folder: RemoteFolder, version: int, names: set[str]) -> None:
    """Removes a version, the manifest first: it is gone before it is incomplete."""
    inside = [name for name in names if name.startswith(f"{version}/")]
    for name in sorted(inside, key=lambda name: name != f"{version}/{MANIFEST}"):
        # Another push may be removing the same.
        with contextlib.suppress(UserError):
            folder.remove(name)
