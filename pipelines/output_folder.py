"""The folder that `ondevice-rec compile` writes to."""

from __future__ import annotations

from pathlib import Path

from ondevice_rec.schemas.errors import UserError


def make(output: str) -> Path:
    """Makes the folder where it is not there.

    Raises:
      UserError: it cannot be written.
    """
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{output}: cannot be written: {error.strerror}. Choose another --output."
        ) from error
    return folder
