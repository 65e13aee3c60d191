"""The lock that `.venv` is made from answers setup.py."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = ("", "pipeline", "device", "notebooks", "dev")


def pins(lock: Path) -> dict[str, str]:
    """The versions of a lock that apply to this Python, by name."""
    found = {}
    for line in lock.read_text().splitlines():
        if match := re.match(r"[\w.-]+==.*", line):
            requirement = Requirement(match[0].rstrip("\\ "))
            if requirement.marker is None or requirement.marker.evaluate():
                (version,) = requirement.specifier
                found[canonicalize_name(requirement.name)] = version.version
    return found


@pytest.fixture(scope="module")
def lock(project_root: Path) -> Path:
    line = "1.16" if sys.version_info[:2] == (3, 10) else "1.21"
    return project_root / "locks" / f"tfx-{line}.txt"


def test_the_lock_holds_what_the_project_requires(lock: Path) -> None:
    locked = pins(lock)
    for text in metadata.requires("ondevice-rec") or []:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": name}) for name in EXTRAS):
            version = locked.get(canonicalize_name(requirement.name))
            assert version is not None, f"run `make lock`: no {text}"
            assert requirement.specifier.contains(version), f"run `make lock`: {text}"


def test_what_is_installed_is_what_is_locked(lock: Path) -> None:
    installed = {canonicalize_name(name): metadata.version(name) for name in pins(lock)}

    assert installed == pins(lock)


@pytest.mark.parametrize(
    "name", ["tfx-1.16", "tfx-1.21", "build", "uv", "protoc", "kfp/kfp-2"]
)
def test_every_locked_package_has_hashes(project_root: Path, name: str) -> None:
    text = (project_root / "locks" / f"{name}.txt").read_text()
    entries = re.split(r"\n(?=[\w.-]+==)", text)[1:]

    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)
