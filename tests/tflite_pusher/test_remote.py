"""Versions in stores without locks and renames: seen whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.localfilesystem import LocalFileSystem

from ondevice_rec.components.tflite_pusher import destination, remote_versions
from ondevice_rec.components.tflite_pusher.remote_folder import (
    RemoteFolder,
    open_folder,
)
from ondevice_rec.components.tflite_pusher.remote_publish import publish
from ondevice_rec.components.tflite_pusher.remote_versions import complete
from ondevice_rec.pipelines import cli
from ondevice_rec.recommendation.recommender import Recommender
from ondevice_rec.schemas.errors import UserError

Push = Callable[..., Any]


class Upload(io.BytesIO):
    """An object, there with all its content once it is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def close(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_name(f"{uuid.uuid4().hex}.part")
        part.write_bytes(self.getvalue())
        part.replace(self._path)
        super().close()


class BucketFileSystem(LocalFileSystem):
    """A store for Beam: `bucket://` and a local path without its first slash."""

    @classmethod
    def scheme(cls) -> str:
        return "bucket"

    def create(self, path: str, *args: Any) -> Any:
        return Upload(Path(_local(path)))

    def open(self, path: str, *args: Any) -> Any:
        return super().open(_local(path), *args)

    def delete(self, paths: list[str]) -> None:
        super().delete([_local(path) for path in paths])

    def has_dirs(self) -> bool:
        return False

    def _list(self, dir_or_prefix: str) -> Any:
        for path in Path(_local(dir_or_prefix)).rglob("*"):
            if path.is_file() and path.suffix != ".part":
                yield FileMetadata(f"bucket:/{path}", 0)


def _local(url: str) -> str:
    return "/" + url.removeprefix("bucket://")


@pytest.fixture(params=["fileio", "beam"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> RemoteFolder:
    if request.param == "beam":
        return open_folder(f"bucket:/{tmp_path}/serving")
    # TensorFlow's file system in memory, which Beam does not know.
    return open_folder(f"ram://{uuid.uuid4().hex}/serving/")


def write(folder: Path) -> None:
    (folder / "vocab.txt").write_text("[OOV]\na\n")
    (folder / "saved_model").mkdir()
    (folder / "saved_model" / "x.pb").write_bytes(b"abc")


def read_served(folder: RemoteFolder) -> int | None:
    """What a reader does; checks that the version is whole."""
    names = folder.names()
    served = remote_versions.current(folder, names)
    if served is None:
        return None
    manifest = json.loads(folder.read(f"{served}/manifest.json"))
    assert manifest["version"] == served
    assert len(manifest["files"]) >= 2
    for name, expected in manifest["files"].items():
        content = folder.read(f"{served}/{name}")
        assert hashlib.sha256(content).hexdigest() == expected["sha256"]
    return served


def test_a_version_is_pushed_and_runs_as_a_local_one(
    push: Push, folder: RemoteFolder, tmp_path: Path
) -> None:
    pushed = push(
        tmp_path, serving="verification_timelines: 5", push_dir=folder.uri + "/"
    )
    version = read_served(folder)
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_version") == str(version)
    destination = pushed.get_string_custom_property("pushed_destination")
    assert destination == f"{folder.uri}/{version}"
    kept = Path(pushed.uri, "manifest.json").read_bytes()
    assert folder.read(f"{version}/manifest.json") == kept
    assert not [name for name in folder.names() if ".claim" in name]
    for name in folder.names():
        path = tmp_path / "copy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(folder.read(name))
    genres = {"context_genre": ["Drama"]}
    found = Recommender.from_version(tmp_path / "copy").recommend(
        ["m3"], None, False, genres
    )
    assert len(found) == 5
    with pytest.raises(UserError, match=r"is in a remote store.*Copy the folder"):
        Recommender.from_version(folder.uri)


def test_the_manifest_compares_with_the_version_served_before(
    folder: RemoteFolder,
) -> None:
    first = publish(folder, write, {})
    assert first["vocabulary_changes"] is None

    def write_other(path: Path) -> None:
        write(path)
        (path / "vocab.txt").write_text("[OOV]\nb\na\n")

    second = publish(folder, write_other, {})
    assert second["version"] > first["version"]
    assert second["vocabulary_changes"] == {
        "since": first["version"],
        "vocabularies": {"vocab.txt": {"kept": 0, "moved": 1, "gained": 1, "lost": 0}},
    }


class Killed(BaseException):
    """Ends a push as SIGKILL does."""


class DyingFolder:
    """Passes a number of operations on; then nothing gets through any more."""

    def __init__(self, folder: RemoteFolder, operations: int) -> None:
        self.uri = folder.uri
        self._folder = folder
        self.left = operations

    def __getattr__(self, name: str) -> Any:
        self.left -= 1
        if self.left < 0:
            raise Killed
        return getattr(self._folder, name)


def test_a_push_killed_at_any_operation_is_seen_whole_or_not_at_all(
    folder: RemoteFolder,
) -> None:
    first = publish(folder, write, {})["version"]
    served = [first]
    for operations in range(100):
        before = remote_versions.taken(folder.names())
        dying = DyingFolder(folder, operations)
        try:
            publish(dying, write, {}, keep_versions=2)
        except Killed:
            served.append(read_served(folder) or 0)
            assert served[-1] in complete(folder.names())
            continue
        break
    else:
        raise AssertionError("it never ends")
    # Killed early, the old one is served; killed after `current`, the new one.
    assert served[:8] == [first] * 8
    assert served[-1] > first
    assert operations > 12
    # A later push is not disturbed by what is left.
    last = publish(folder, write, {})["version"]
    assert last not in before
    assert read_served(folder) == last


def test_a_push_killed_after_it_had_published_is_found(folder: RemoteFolder) -> None:
    manifests = [
        publish(folder, write, {"lineage": {"execution_id": e}}) for e in (1, 2)
    ]
    remote_versions.point(folder, manifests[0]["version"])

    found = destination.published_before(folder.uri, {"execution_id": 2})

    assert found == (f"{folder.uri}/{manifests[1]['version']}", manifests[1])
    assert read_served(folder) == manifests[1]["version"]
    for other in (3, None):
        assert not destination.published_before(folder.uri, {"execution_id": other})


def test_what_a_killed_push_has_left_goes_a_day_later(folder: RemoteFolder) -> None:
    old, young = int(time.time()) - 90_000, int(time.time()) - 100
    for number in (old, young):
        folder.write(f"{number}/vocab.txt", b"")
        folder.write(f"{number}/.claim-x", b"")
    publish(folder, write, {})
    assert old not in remote_versions.taken(folder.names())
    assert young in remote_versions.taken(folder.names())


def test_a_push_that_fails_takes_its_files_away(folder: RemoteFolder) -> None:
    first = publish(folder, write, {})["version"]
    names = folder.names()

    class Full:
        """Has no room for the second file."""

        uri, names, read, remove = (
            folder.uri,
            folder.names,
            folder.read,
            folder.remove,
        )

        def write(self, name: str, content: bytes) -> None:
            if name.endswith("vocab.txt"):
                raise UserError("quota exceeded")
            folder.write(name, content)

    with pytest.raises(UserError, match="quota exceeded"):
        publish(Full(), write, {})
    assert folder.names() == names
    assert read_served(folder) == first


def test_pushes_at_once_all_succeed(folder: RemoteFolder) -> None:
    found: list[int] = []
    errors: list[Exception] = []
    barrier = threading.Barrier(6)

    def push() -> None:
        barrier.wait()
        try:
            found.append(publish(folder, write, {}, keep_versions=6)["version"])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=push) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(set(found)) == 6
    assert complete(folder.names()) == sorted(found)
    assert read_served(folder) in found


def test_the_last_versions_are_kept_and_the_served_one(folder: RemoteFolder) -> None:
    made = [publish(folder, write, {})["version"] for _ in range(3)]
    # Another push is about to serve it.
    folder.write(f"{made[0]}/.claim-other", b"")
    fourth = publish(folder, write, {}, keep_versions=1)["version"]
    assert complete(folder.names()) == [made[0], fourth]
    folder.remove(f"{made[0]}/.claim-other")
    remote_versions.point(folder, made[0])
    fifth = publish(folder, write, {}, keep_versions=1)["version"]
    assert complete(folder.names()) == [fifth]


def test_the_command_rolls_back(
    folder: RemoteFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["rollback", folder.uri]) == 2
    assert f"No version in {folder.uri}" in capsys.readouterr().err
    first, second = (publish(folder, write, {})["version"] for _ in range(2))
    assert cli.main(["rollback", folder.uri]) == 0
    assert capsys.readouterr().out == (
        f"{folder.uri} serves version {first}; before: {second}\n"
    )
    assert read_served(folder) == first
    folder.write(f"{second}/vocab.txt", b"changed")
    assert cli.main(["rollback", folder.uri, str(second)]) == 2
    assert "vocab.txt is not the file that was published" in capsys.readouterr().err
    assert read_served(folder) == first


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("nowhere://bucket/serving", "nowhere://bucket/serving cannot be used: "),
        ("s3://bucket/serving", r'boto3.*pip install "apache-beam\[aws\]"'),
    ],
)
def test_a_store_that_cannot_be_used_is_told_before_the_work(
    push: Push, tmp_path: Path, uri: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        push(tmp_path, push_dir=uri)
