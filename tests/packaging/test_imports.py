"""The folders import as `ondevice_rec.<folder>` and in one direction only."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

import pytest

FOLDERS = ("schemas", "recommendation", "components", "pipelines", "lineage")


def ruff(project_root: Path, source: str) -> str:
    """What ruff says of a module of the project with this source."""
    return subprocess.run(
        [
            Path(sysconfig.get_path("scripts")) / "ruff",
            *("check", "--no-cache", "--select", "TID", "--output-format", "concise"),
            *("--stdin-filename", project_root / "pipelines" / "example.py", "-"),
        ],
        check=False,
        cwd=project_root,
        input=source,
        capture_output=True,
        text=True,
    ).stdout


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(
    "statement", ["import {}", "from {} import x", "from {}.deeper import x"]
)
def test_a_bare_import_of_a_folder_is_refused(
    project_root: Path, folder: str, statement: str
) -> None:
    source = statement.format(folder) + "\n"

    assert f"TID251 `{folder}` is banned" in ruff(project_root, source)


def test_an_import_relative_to_the_module_is_refused(project_root: Path) -> None:
    assert "TID252" in ruff(project_root, "from . import cli\n")


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_absolute_import_is_accepted(project_root: Path, folder: str) -> None:
    source = f"from ondevice_rec.{folder} import x\n"

    assert "All checks passed" in ruff(project_root, source)
