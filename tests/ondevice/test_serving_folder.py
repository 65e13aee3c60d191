"""Which version is served, which are kept, and what became of the keys."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.pipelines import cli
from ondevice_rec.recommendation.ondevice import serving_lock
from ondevice_rec.recommendation.ondevice.publish import publish
from ondevice_rec.recommendation.ondevice.rollback import rollback
from ondevice_rec.recommendation.ondevice.version_folder import open_version, versions
from ondevice_rec.recommendation.ondevice.vocabulary_changes import compare
from ondevice_rec.schemas.errors import UserError

Write = Callable[[Path], None]
Facts = dict[str, Any]


@pytest.fixture
def three(tmp_path: Path, write_lists: Write, facts: Facts) -> list[int]:
    """Three versions in `tmp_path`."""
    return [publish(tmp_path, write_lists, facts).version for _ in range(3)]


def test_the_latest_push_is_served(tmp_path: Path, three: list[int]) -> None:
    assert (tmp_path / "current").read_text() == f"{three[2]}\n"
    assert open_version(tmp_path).version == three[2]


def test_a_folder_without_a_pointer_serves_its_latest_version(
    tmp_path: Path, three: list[int]
) -> None:
    (tmp_path / "current").unlink()
    assert open_version(tmp_path).version == three[2]


def test_rollback_serves_the_version_before_or_the_named_one(
    tmp_path: Path, three: list[int]
) -> None:
    assert rollback(tmp_path) == (three[2], three[1])
    assert open_version(tmp_path).version == three[1]
    assert rollback(tmp_path) == (three[1], three[0])
    with pytest.raises(UserError, match=rf"no version before {three[0]}"):
        rollback(tmp_path)
    assert rollback(tmp_path, three[2]) == (three[0], three[2])
    assert open_version(tmp_path).version == three[2]
    # Readers are other users.
    assert (tmp_path / "current").stat().st_mode & 0o777 == 0o644


def test_a_push_after_a_rollback_is_served(
    tmp_path: Path, three: list[int], write_lists: Write, facts: Facts
) -> None:
    rollback(tmp_path, three[0])
    fourth = publish(tmp_path, write_lists, facts)
    assert open_version(tmp_path).version == fourth.version
    assert fourth.manifest["vocabulary_changes"]["since"] == three[0]


def test_only_a_whole_version_can_be_rolled_back_to(
    tmp_path: Path, three: list[int]
) -> None:
    with pytest.raises(UserError, match=r"no version 7; it has"):
        rollback(tmp_path, 7)
    (tmp_path / str(three[0]) / "vocab.txt").write_text("changed")
    with pytest.raises(UserError, match=r"vocab.txt is not the file"):
        rollback(tmp_path, three[0])
    assert open_version(tmp_path).version == three[2]
    with pytest.raises(UserError, match="No version in"):
        rollback(tmp_path / "absent")


def test_the_command_rolls_back(
    tmp_path: Path, three: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["rollback", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (
        f"{tmp_path} serves version {three[1]}; before: {three[2]}\n"
    )
    assert cli.main(["rollback", str(tmp_path), "12"]) == 2
    assert "has no version 12" in capsys.readouterr().err


def test_a_broken_pointer_is_an_error_that_a_rollback_mends(
    tmp_path: Path, three: list[int]
) -> None:
    (tmp_path / "current").write_text("17\n")
    with pytest.raises(UserError, match=r"names version 17, which is not there"):
        open_version(tmp_path)
    (tmp_path / "current").write_text("latest\n")
    with pytest.raises(UserError, match=r"must hold the number.*'latest"):
        open_version(tmp_path)
    rollback(tmp_path, three[1])
    assert open_version(tmp_path).version == three[1]


def test_the_last_versions_are_kept_and_the_served_one(
    tmp_path: Path, three: list[int], write_lists: Write, facts: Facts
) -> None:
    fourth = publish(tmp_path, write_lists, facts, keep_versions=2).version
    assert versions(tmp_path) == [three[2], fourth]
    rollback(tmp_path)
    fifth = publish(tmp_path, write_lists, facts, keep_versions=1).version
    assert versions(tmp_path) == [fifth]
    assert [p.name for p in tmp_path.iterdir() if ".removed" in p.name] == []


def test_a_push_waits_for_another_one_and_says_when_it_is_too_long(
    tmp_path: Path,
    three: list[int],
    write_lists: Write,
    facts: Facts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with open(tmp_path / ".lock") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with (
            pytest.raises(UserError, match=r"Another push to .* has not ended for 0.1"),
            serving_lock.locked(tmp_path, wait_seconds=0.1),
        ):
            raise AssertionError
    publish(tmp_path, write_lists, facts)


def test_the_manifest_says_what_became_of_the_keys(
    tmp_path: Path, write_lists: Write, facts: Facts
) -> None:
    first = publish(tmp_path, write_lists, facts)
    assert first.manifest["vocabulary_changes"] is None

    def write(folder: Path) -> None:
        write_lists(folder)
        # Before: a b c d.
        (folder / "vocab.txt").write_text("[OOV]\na\nd\nnew\nb\n")

    second = publish(tmp_path, write, facts)
    assert second.manifest["vocabulary_changes"] == {
        "since": first.version,
        "vocabularies": {"vocab.txt": {"kept": 1, "moved": 2, "gained": 1, "lost": 1}},
    }
    assert json.loads((second.path / "vocabulary_changes.json").read_text()) == {
        "vocab.txt": {
            "moved": {"d": [4, 2], "b": [2, 4]},
            "gained": ["new"],
            "lost": ["c"],
        }
    }
    second.check_files()


def test_a_broken_version_does_not_stop_the_next_one(
    tmp_path: Path, three: list[int], write_lists: Write, facts: Facts
) -> None:
    (tmp_path / str(three[2]) / "manifest.json").write_text("{")
    fourth = publish(tmp_path, write_lists, facts)
    changes = fourth.manifest["vocabulary_changes"]
    assert changes["since"] is None
    assert "manifest.json cannot be read" in changes["reason"]


def test_id_0_is_no_key() -> None:
    assert compare(["[OOV]", "a"], ["[UNK]", "a"]).counts == {
        "kept": 1,
        "moved": 0,
        "gained": 0,
        "lost": 0,
    }
