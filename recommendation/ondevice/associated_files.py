"""Files inside a `.tflite` file, as TFLite's metadata has them.

They stand in a zip archive that follows the flatbuffer, which runtimes pass over, and
are not compressed: TFLite's and MediaPipe's readers (`metadata_extractor.cc`) refuse
compressed ones. Standard library only.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

# The earliest a zip archive can state: the same files give the same bytes.
_MOMENT = (1980, 1, 1, 0, 0, 0)


def pack(model: bytes, files: Mapping[str, str]) -> bytes:
    """Adds files to a model.

    Args:
      model: Content of a `.tflite` file.
      files: Text by file name; must be new names.

    Returns:
      Content of the `.tflite` file that holds them.

    Raises:
      ValueError: a name is taken.
    """
    buffer = io.BytesIO(model)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        taken = sorted(set(archive.namelist()) & set(files))
        if taken:
            raise ValueError(f"The model already holds {', '.join(taken)}.")
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, _MOMENT), text.encode("utf-8"))
    return buffer.getvalue()


def unpack(model: bytes) -> dict[str, str]:
    """The files of a model, text by file name; none where it holds none.

    Args:
      model: Content of a `.tflite` file.
    """
    buffer = io.BytesIO(model)
    if not zipfile.is_zipfile(buffer):
        return {}
    with zipfile.ZipFile(buffer) as archive:
        return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}
