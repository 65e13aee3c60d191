"""What executors note on everything they write."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from ondevice_rec.components import provenance
from ondevice_rec.lineage import digest
from ondevice_rec.schemas import facts


def git(root: Path, *arguments: str) -> str:
    """Runs git with a name to commit under."""
    identity = ("-c", "user.name=ann", "-c", "user.email=ann@example.org")
    return subprocess.check_output(
        ["git", "-C", root, *identity, *arguments], text=True
    ).strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit, and a tag that is no commit's name."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "Begin")
    git(tmp_path, "tag", "v1")
    return tmp_path


def test_the_commit_of_a_checkout(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    assert provenance.git_commit(checkout) == head

    (checkout / "code.py").write_text("2")
    assert provenance.git_commit(checkout) == f"{head}-dirty"


def test_no_commit_of_a_repository_that_a_package_merely_lies_in(
    checkout: Path,
) -> None:
    package = checkout / "site-packages" / "ondevice_rec"
    package.mkdir(parents=True)

    assert provenance.git_commit(package) == ""


def test_no_commit_without_git(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert provenance.git_commit(checkout) == ""


def test_the_digest_is_the_one_that_lineage_recomputes(tmp_path: Path) -> None:
    for name in ("Split-train/data-0.gz", "Split-train.txt", ".hidden", "é"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    model = standard_artifacts.Model()
    model.uri = str(tmp_path)

    provenance.record({"model": [model]})

    recorded = model.get_string_custom_property(facts.CONTENT_SHA256)
    assert recorded == digest.of_folder(str(tmp_path))
    (tmp_path / ".hidden").write_text("changed")
    assert recorded != digest.of_folder(str(tmp_path))
    assert model.get_string_custom_property(facts.USER)
