"""Airflow, in its own environment."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def airflow_programs(project_root: Path) -> Path:
    """Folder of Airflow's programs; makes their environment where it is not there."""
    done = subprocess.run(
        [project_root / "tools" / "airflow.sh"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"Airflow cannot be installed: {done.stderr.strip()[-500:]}")
    return project_root / ".tools" / "airflow" / "bin"
