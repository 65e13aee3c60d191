"""Fetches one wheel from the package index that served the dependencies."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from ondevice_rec.schemas.errors import UserError


def download_wheel(name: str, version: str, sha256: str, directory: Path) -> Path:
    """Downloads a wheel, without its dependencies, and checks it.

    pip does the transfer, so its settings (index, certificates, proxy) apply.

    Args:
      name: Project on the index.
      version: Exact version.
      sha256: Of the wheel, in hexadecimal.
      directory: Empty folder that receives the wheel.

    Returns:
      The wheel's path.

    Raises:
      UserError: The index could not be reached, has no such wheel, or served another.
    """
    requirement = f"{name}=={version}"
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, "--quiet"]
    done = subprocess.run(
        [*command, "--dest", str(directory), requirement],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    wheels = list(directory.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        reason = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise UserError(
            f"pip could not download {requirement} from the package index: "
            f"{reason[-1]}. Check the network and pip's settings (`pip config list`), "
            "then try again."
        )
    found = hashlib.sha256(wheels[0].read_bytes()).hexdigest()
    if found != sha256:
        raise UserError(
            f"{wheels[0].name} from the package index is not the expected file: its "
            f"sha256 must be {sha256}, received {found}. Check which index pip uses "
            "(`pip config list`)."
        )
    return wheels[0]
