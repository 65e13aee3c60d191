"""What a user gets who installs the wheel rather than a checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

FOLDERS = ("schemas", "recommendation", "components", "pipelines", "lineage")
NOT_SHIPPED = ("__pycache__", ".pyc")


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: a left-over `build/` would add files that are gone."""
    source = tmp_path_factory.mktemp("source")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        if (project_root / name).exists():
            shutil.copy(project_root / name, source)
    for folder in FOLDERS:
        shutil.copytree(project_root / folder, source / folder)
    target = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", target]
    run(sys.executable, "-m", "pip", "wheel", *options, source, cwd=target)
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel, and the dependencies of this one.

    The path file adds this environment's packages without running its own path files,
    so that the editable installation stays out of sight.
    """
    folder = tmp_path_factory.mktemp("elsewhere")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", python, "install"]
    run(*pip, "--no-deps", "--no-index", wheel, cwd=folder)
    query = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(python, "-c", query, cwd=folder).strip())
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_the_wheel_holds_every_file_of_the_package(
    wheel: Path, project_root: Path
) -> None:
    expected = {
        f"ondevice_rec/{path.relative_to(project_root)}"
        for folder in FOLDERS
        for path in (project_root / folder).rglob("*")
        if path.is_file() and not any(mark in str(path) for mark in NOT_SHIPPED)
    }
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {name for name in names if ".dist-info/" not in name}

    assert shipped == expected
    assert {name for name in expected if name.endswith((".proto", ".yaml"))}
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)


def test_the_packages_import_from_the_wheel(installed: Path) -> None:
    imports = "; ".join(f"import ondevice_rec.{folder} as m" for folder in FOLDERS)
    python = installed / "venv" / "bin" / "python"

    origin = run(python, "-c", imports + "; print(m.__file__)", cwd=installed)

    assert Path(origin.strip()).is_relative_to(installed)


def test_the_command_answers_from_the_wheel(installed: Path) -> None:
    command = installed / "venv" / "bin" / "ondevice-rec"

    assert "usage: ondevice-rec" in run(command, "--help", cwd=installed)


def test_the_schemas_work_from_the_wheel(installed: Path, project_root: Path) -> None:
    python = installed / "venv" / "bin" / "python"
    options = ["-p", "no:cacheprovider"]

    report = run(
        python, "-m", "pytest", *options, project_root / "tests/schemas", cwd=installed
    )

    assert " passed" in report
