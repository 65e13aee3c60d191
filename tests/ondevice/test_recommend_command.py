"""`ondevice-rec recommend`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.pipelines import recommend
from ondevice_rec.recommendation.ondevice.publish import publish

# Calls the command and tells what it raised, and what it imported.
_FAILING = """
import sys
from ondevice_rec.pipelines import recommend
try:
    recommend.run(sys.argv[1], sys.argv[2].split(","), int(sys.argv[3]), False)
except ValueError as error:
    print(error)
print({"tensorflow", "numpy", "ai_edge_litert"} & set(sys.modules))
"""


def test_prints_titles_and_scores(
    tmp_path: Path,
    write_version: Callable[[Path], None],
    facts: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    publish(tmp_path, write_version, facts)
    assert recommend.run(str(tmp_path), ["d", "a"], 2, False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == ["  Delta  [d]", "  Alpha  [a]"]
    assert "     1  0.5000  Alpha  [a]" in lines


def test_prints_json(
    tmp_path: Path,
    write_version: Callable[[Path], None],
    facts: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    version = publish(tmp_path, write_version, facts)
    assert recommend.run(str(version.path), ["a"], 1, True) == 0
    assert json.loads(capsys.readouterr().out) == {
        "version": version.version,
        "history": [{"key": "a", "title": "Alpha"}],
        "recommendations": [{"key": "a", "title": "Alpha", "score": 0.5}],
    }


@pytest.mark.parametrize(
    ("history", "top", "message"),
    [
        ("a,gamma", 2, "knows no item 'gamma'. Did you mean c (Gamma)?"),
        ("alhpa,zzz", 2, "knows no item 'alhpa'. Did you mean a (Alpha)?"),
        ("a", 4, "between 1 and 3"),
    ],
)
def test_user_errors_answer_before_anything_heavy_is_imported(
    tmp_path: Path,
    write_lists: Callable[[Path], None],
    facts: dict[str, Any],
    history: str,
    top: int,
    message: str,
) -> None:
    publish(tmp_path, write_lists, facts)
    done = subprocess.run(
        [sys.executable, "-c", _FAILING, str(tmp_path), history, str(top)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert message in done.stdout
    assert done.stdout.splitlines()[-1] == "set()"


def test_no_version_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No version in"):
        recommend.run(str(tmp_path / "absent"), ["a"], 1, False)
