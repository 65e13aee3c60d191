"""A version is published whole or not at all."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.recommendation.ondevice.publish import publish
from ondevice_rec.recommendation.ondevice.version_folder import (
    open_version,
    versions,
)
from ondevice_rec.schemas.errors import UserError

Write = Callable[[Path], None]
Facts = dict[str, Any]


def hidden(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir() if p.name.startswith(".staging-")]


def test_the_manifest_describes_every_file(
    tmp_path: Path, write_lists: Write, facts: Facts
) -> None:
    def write(folder: Path) -> None:
        write_lists(folder)
        (folder / "saved_model").mkdir()
        (folder / "saved_model" / "x.pb").write_bytes(b"abc")

    before = int(time.time())
    published = publish(tmp_path, write, facts)
    manifest = json.loads((published.path / "manifest.json").read_text())
    assert before <= manifest["version"] == published.version <= time.time() + 1
    assert published.path == tmp_path / str(published.version)
    assert set(manifest["files"]) == {
        "hparams.json",
        "input_spec.pbtxt",
        "labels.tsv",
        "vocab.txt",
        "saved_model/x.pb",
    }
    # sha256 of "abc": FIPS 180-2, appendix B.1.
    assert manifest["files"]["saved_model/x.pb"] == {
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "size": 3,
    }
    assert hidden(tmp_path) == []
    open_version(tmp_path).check_files()


def test_numbers_grow_even_within_a_second_or_when_the_clock_goes_back(
    tmp_path: Path, write_lists: Write, facts: Facts
) -> None:
    future = int(time.time()) + 1000
    (tmp_path / str(future)).mkdir()
    numbers = [publish(tmp_path, write_lists, facts).version for _ in range(3)]
    assert numbers == [future + 1, future + 2, future + 3]


def test_pushers_at_once_all_succeed(
    tmp_path: Path, write_lists: Write, facts: Facts
) -> None:
    found: list[int] = []
    barrier = threading.Barrier(8)

    def push() -> None:
        barrier.wait()
        found.append(publish(tmp_path, write_lists, facts).version)

    threads = [threading.Thread(target=push) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8
    assert versions(tmp_path) == sorted(found)
    for number in found:
        version = open_version(tmp_path / str(number))
        assert version.version == number
        version.check_files()


def test_a_failed_push_leaves_nothing(
    tmp_path: Path, write_lists: Write, facts: Facts
) -> None:
    def write(folder: Path) -> None:
        write_lists(folder)
        raise OSError(28, "No space left on device")

    first = publish(tmp_path, write_lists, facts)
    with pytest.raises(UserError, match=r"No space left.*served before is served"):
        publish(tmp_path, write, facts)
    assert sorted(os.listdir(tmp_path)) == [".lock", str(first.version), "current"]


def test_folders_that_are_no_versions_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "17").mkdir()
    (tmp_path / "007").mkdir()
    (tmp_path / "007" / "manifest.json").write_text("{}")
    (tmp_path / "notes").mkdir()
    (tmp_path / ".removed-5").mkdir()
    (tmp_path / ".removed-5" / "manifest.json").write_text("{}")
    assert versions(tmp_path) == []
    with pytest.raises(ValueError, match=r"No version in .*ondevice-rec run"):
        open_version(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"format_version": 99}', "`format_version` 99; this release reads 1"),
    ],
)
def test_an_unreadable_manifest_is_an_error(
    tmp_path: Path, write_lists: Write, facts: Facts, text: str, message: str
) -> None:
    version = publish(tmp_path, write_lists, facts)
    (version.path / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        open_version(tmp_path)


def test_a_changed_or_missing_file_is_an_error(
    tmp_path: Path, write_lists: Write, facts: Facts
) -> None:
    version = publish(tmp_path, write_lists, facts)
    labels = version.path / "labels.tsv"
    labels.write_text(labels.read_text().replace("Alpha", "Omega"))
    with pytest.raises(ValueError, match=r"labels.tsv is not the file"):
        version.check_files()
    labels.unlink()
    with pytest.raises(ValueError, match=r"labels.tsv is missing"):
        version.check_files()


def test_a_vocabulary_of_the_wrong_length_is_an_error(
    tmp_path: Path, write_lists: Write, facts: Facts
) -> None:
    publish(tmp_path, write_lists, {**facts, "vocab_size": 7})
    with pytest.raises(ValueError, match=r"must hold 7 lines.*it holds 5"):
        _ = open_version(tmp_path).items
