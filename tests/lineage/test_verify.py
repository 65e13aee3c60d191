"""Files that are not as they were written are named."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.lineage import digest, verify
from ondevice_rec.lineage.store import Store
from ondevice_rec.lineage.verify import Finding


def listed(folder: Path) -> str:
    """The digest by coreutils."""
    command = "find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum"
    shown = subprocess.run(
        command, shell=True, cwd=folder, check=True, capture_output=True, text=True
    )
    return shown.stdout.split()[0]


def test_a_folder_s_digest_is_what_sha256sum_gives(tmp_path: Path) -> None:
    # "-" sorts before "/" and "B" before "a": by bytes, not as a language would.
    for name in ("a/b", "a-b", "B", "a/c/d"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)

    assert digest.of_folder(str(tmp_path)) == listed(tmp_path)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def written(writer: Any, root: Path) -> tuple[Path, dict[str, int]]:
    """A model, a pushed version and a stock artifact, with their files."""
    model, kept, stock = root / "model", root / "kept", root / "stock"
    version = root / "serving" / "11"
    for folder in (model, kept, stock, version):
        folder.mkdir(parents=True)
    (model / "weights").write_text("w")
    (version / "model.tflite").write_text("m")
    (version / "vocab.txt").write_text("v")
    files = {
        "model.tflite": {"sha256": "of the store"},
        "vocab.txt": {"sha256": sha256("v")},
    }
    for folder in (kept, version):
        (folder / "manifest.json").write_text(json.dumps({"files": files}))
    ids = {
        "model": writer.artifact("Model", model, content_sha256=listed(model)),
        "pushed": writer.artifact(
            "PushedModel", kept, pushed=1, pushed_version="11",
            pushed_destination=str(version), model_sha256=sha256("m"),
            content_sha256=listed(kept),
        ),
        "stock": writer.artifact("Schema", stock),
    }  # fmt: skip
    return root, ids


def findings(root: Path) -> list[tuple[str, str]]:
    """Problems, and paths below the root."""
    found = verify.verify(Store(str(root)))
    return [(f.problem, str(Path(f.path).relative_to(root))) for f in found.findings]


def test_what_is_intact_and_what_is_not_covered(written: Any) -> None:
    root, _ = written

    found = verify.verify(Store(str(root)))

    assert found == verify.Verification([], 2, 1, [], {"Schema": 1})


def test_what_was_altered_added_or_is_missing(written: Any) -> None:
    root, ids = written
    (root / "model" / "weights").write_text("x")
    (root / "stock").rmdir()
    version = root / "serving" / "11"
    (version / "vocab.txt").unlink()
    (version / "model.tflite").write_text("n")
    (version / "extra").write_text("")

    assert findings(root) == [
        ("altered", "model"),
        ("added", "serving/11/extra"),
        ("altered", "serving/11/model.tflite"),
        ("missing", "serving/11/vocab.txt"),
        ("missing", "stock"),
    ]
    found = verify.verify(Store(str(root))).findings
    assert found[0] == Finding("altered", str(root / "model"), ids["model"], "Model")


def test_a_manifest_that_was_altered_does_not_hide_it(written: Any) -> None:
    root, _ = written
    version = root / "serving" / "11"
    (version / "vocab.txt").write_text("changed")
    files = {"vocab.txt": {"sha256": sha256("changed")}, "model.tflite": {}}
    (version / "manifest.json").write_text(json.dumps({"files": files}))

    assert findings(root) == [
        ("altered", "serving/11/manifest.json"),
        ("altered", "serving/11/vocab.txt"),
    ]


def test_a_version_that_was_removed_for_a_later_one_is_no_finding(written: Any) -> None:
    root, _ = written
    version = root / "serving" / "11"
    version.rename(root / "serving" / "12")

    found = verify.verify(Store(str(root)))
    assert (found.findings, found.removed, found.versions) == ([], [str(version)], 0)

    # With none left to serve, it is missing.
    (root / "serving" / "12").rename(root / "elsewhere")
    assert findings(root) == [("missing", "serving/11")]
