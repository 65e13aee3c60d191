"""Which version of a serving folder is served: its file `current`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ondevice_rec.recommendation.ondevice import durable
from ondevice_rec.recommendation.ondevice.version_folder import CURRENT

POINTER_PREFIX = ".current-"


def prepare(serving_dir: Path, version: int) -> Path:
    """Writes a pointer that `point` has only to put in place."""
    descriptor, name = tempfile.mkstemp(prefix=POINTER_PREFIX, dir=serving_dir)
    os.close(descriptor)
    path = Path(name)
    # mkstemp's files are for their owner alone; readers are other users.
    path.chmod(0o644)
    durable.write_text(path, f"{version}\n")
    return path


def point(serving_dir: Path, pointer: Path) -> None:
    """Serves the version of a prepared pointer, by one rename."""
    os.replace(pointer, serving_dir / CURRENT)
    durable.flush_folder(serving_dir)
