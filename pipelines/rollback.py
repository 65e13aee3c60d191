"""The `rollback` command: another version is served."""

from __future__ import annotations

import sys
from pathlib import Path

from ondevice_rec.recommendation.ondevice import rollback


def run(serving_dir: str, version: int | None) -> int:
    """Serves another version and says which.

    Args:
      serving_dir: Folder that versions are pushed to.
      version: The version to serve; left out: the one before the served one.

    Returns:
      The exit status, 0.

    Raises:
      UserError: there is no such version, or its files are not those published.
    """
    if "://" in serving_dir:
        # Only then: Beam takes seconds to import.
        from ondevice_rec.components.tflite_pusher.remote_folder import open_folder
        from ondevice_rec.components.tflite_pusher.remote_versions import roll_back

        before, now = roll_back(open_folder(serving_dir), version)
    else:
        before, now = rollback.rollback(Path(serving_dir), version)
    sys.stdout.write(f"{serving_dir} serves version {now}; before: {before}\n")
    return 0
