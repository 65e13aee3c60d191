"""`ondevice-rec[device]` alone: a version is used without TensorFlow or TFX."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.recommendation.ondevice.publish import publish

pytestmark = pytest.mark.integration

SOURCES = ("schemas", "recommendation", "components", "pipelines", "lineage")
FILES = ("setup.py", "pyproject.toml", "README.md", "LICENSE")


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def device(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`bin/` of a fresh environment with the wheel and `[device]`, of the lock."""
    uv = project_root / ".tools" / "uv" / "bin" / "uv"
    if not uv.is_file():
        pytest.skip("no uv: make setup")
    folder = tmp_path_factory.mktemp("device")
    source = folder / "source"
    source.mkdir()
    for name in FILES:
        shutil.copy(project_root / name, source)
    for name in SOURCES:
        ignored = shutil.ignore_patterns("__pycache__", "vendor")
        shutil.copytree(project_root / name, source / name, ignore=ignored)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder]
    run(sys.executable, "-m", "pip", "wheel", *options, source, cwd=folder)
    wheel = next(folder.glob("*.whl"))
    line = "tfx-1.16" if sys.version_info < (3, 11) else "tfx-1.21"
    python = folder / "venv" / "bin" / "python"
    run(uv, "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder)
    done = subprocess.run(
        [
            *(uv, "pip", "install", "--quiet", "--python", python),
            *("--constraint", project_root / "locks" / f"{line}.txt"),
            f"ondevice-rec[device] @ {wheel.as_uri()}",
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return python.parent


def test_no_tensorflow_is_installed(device: Path) -> None:
    code = (
        "import importlib.util\n"
        "names = ('tensorflow', 'tfx', 'keras', 'apache_beam', 'pandas', 'pyarrow')\n"
        "print([n for n in names if importlib.util.find_spec(n)])"
    )
    assert run(device / "python", "-c", code, cwd=device).strip() == "[]"


def test_the_command_recommends(
    device: Path,
    tmp_path: Path,
    write_version: Callable[[Path], None],
    facts: dict[str, Any],
) -> None:
    publish(tmp_path, write_version, facts)
    answer = run(
        device / "ondevice-rec",
        "recommend",
        tmp_path,
        "--history",
        "a",
        "--json",
        cwd=tmp_path,
    )
    found = json.loads(answer)["recommendations"]
    # See `tflite_model`: the closest ids.
    assert [item["key"] for item in found] == ["a", "b", "c"]
    assert found[0] == {"key": "a", "title": "Alpha", "score": 0.5}


def test_the_library_recommends_for_several_and_versions_are_rolled_back(
    device: Path,
    tmp_path: Path,
    write_version: Callable[[Path], None],
    facts: dict[str, Any],
) -> None:
    first = publish(tmp_path, write_version, facts)
    publish(tmp_path, write_version, facts)
    code = (
        "import sys\n"
        "from ondevice_rec.recommendation.recommender import Recommender\n"
        "recommender = Recommender.from_version(sys.argv[1])\n"
        "found = recommender.recommend_batch([['a'], ['d']])\n"
        "print([[item.key for item in items] for items in found])"
    )
    answer = run(device / "python", "-c", code, tmp_path, cwd=tmp_path)
    assert answer.strip() == "[['a', 'b', 'c'], ['d', 'c', 'b']]"
    answer = run(device / "ondevice-rec", "rollback", tmp_path, cwd=tmp_path)
    assert f"serves version {first.version};" in answer
