"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Read when TensorFlow is loaded: its C++ code then logs only errors.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Rounding that does not depend on the machine's vector instructions.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real data sets (movielens-100k, …), never part of the project.

    `$ONDEVICE_REC_SHARED/data`, by default `../shared/data`; skips where it is absent.
    """
    shared = Path(os.environ.get("ONDEVICE_REC_SHARED", ROOT.parent / "shared"))
    folder = shared / "data"
    if not folder.is_dir():
        pytest.skip(f"no data sets: {folder} is absent (see ONDEVICE_REC_SHARED)")
    return folder
