"""Formats and files of the recommendation task's export."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from ondevice_rec.recommendation.config import ExportFormat
from ondevice_rec.schemas.errors import UserError


def formats(
    wanted: ExportFormat | str | Sequence[ExportFormat | str] | None,
    allowed: Sequence[ExportFormat],
    default: Sequence[ExportFormat],
) -> list[ExportFormat]:
    """The formats to write.

    Raises:
      UserError: one is not allowed.
    """
    if wanted is None:
        return list(default)
    if isinstance(wanted, ExportFormat | str):
        wanted = [wanted]
    names = [each.name for each in allowed]
    found = []
    for each in wanted:
        name = each.name if isinstance(each, ExportFormat) else str(each).upper()
        if name not in names:
            raise UserError(
                f"`export_format` must be of {', '.join(names)}, received {each}."
            )
        found.append(ExportFormat[name])
    return found


def labels(titles: Sequence[str]) -> bytes:
    """One title a line."""
    return "".join(f"{' '.join(title.splitlines())}\n" for title in titles).encode()


def write(path: str, content: bytes) -> None:
    """Writes a file, over what is there."""
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(content)
