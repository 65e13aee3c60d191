"""TFLite metadata: what a file's inputs, outputs and packed files are, in words.

After `metadata_schema.fbs` of TFLite Support (Apache-2.0), whose field numbers are
given here: its generated code is in no package that is installed beside TensorFlow.
Apps read it by `MetadataExtractor`, people by tools such as Netron.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import flatbuffers

# The entry of the model's list of metadata, by the schema's convention.
NAME = "TFLITE_METADATA"
_IDENTIFIER = b"M001"
# Readers older than this do not know every field used here.
_MIN_PARSER_VERSION = "1.0.0"

# Kinds of associated files (AssociatedFileType).
DESCRIPTIONS = 1
VALUE_LABELS = 3
VOCABULARY = 5


@dataclass(frozen=True)
class PackedFile:
    """A file inside the `.tflite` file.

    Attributes:
      name: Its name in the archive.
      description: What is in it.
      kind: One of the kinds above, 0 for another.
    """

    name: str
    description: str
    kind: int = 0


@dataclass(frozen=True)
class TensorText:
    """An input or an output.

    Attributes:
      name: Its name in the signature.
      description: What it means.
      files: Files that say what its values mean.
    """

    name: str
    description: str
    files: Sequence[PackedFile] = ()


def metadata(
    name: str,
    description: str,
    version: str,
    inputs: Sequence[TensorText],
    outputs: Sequence[TensorText],
    files: Sequence[PackedFile],
) -> bytes:
    """The metadata flatbuffer.

    Args:
      name: The model's.
      description: What it does.
      version: The model's, in its maker's words; may be empty.
      inputs: In the order of the first subgraph's.
      outputs: In the order of the first subgraph's.
      files: The packed files that belong to no tensor.
    """
    builder = flatbuffers.Builder(1024)
    subgraph = _table(
        builder,
        10,
        {
            2: _vector(builder, [_tensor(builder, each) for each in inputs]),
            3: _vector(builder, [_tensor(builder, each) for each in outputs]),
        },
    )
    fields = {
        0: builder.CreateString(name),
        1: builder.CreateString(description),
        3: _vector(builder, [subgraph]),
        6: _vector(builder, [_file(builder, each) for each in files]),
        7: builder.CreateString(_MIN_PARSER_VERSION),
    }
    if version:
        fields[2] = builder.CreateString(version)
    builder.Finish(_table(builder, 8, fields), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _tensor(builder: flatbuffers.Builder, text: TensorText) -> int:
    fields = {
        0: builder.CreateString(text.name),
        1: builder.CreateString(text.description),
    }
    if text.files:
        fields[6] = _vector(builder, [_file(builder, each) for each in text.files])
    return _table(builder, 7, fields)


def _file(builder: flatbuffers.Builder, file: PackedFile) -> int:
    fields = {
        0: builder.CreateString(file.name),
        1: builder.CreateString(file.description),
    }

    def add_kind() -> None:
        builder.PrependInt8Slot(2, file.kind, 0)

    return _table(builder, 5, fields, add_kind)


def _table(
    builder: flatbuffers.Builder,
    size: int,
    fields: dict[int, int],
    add_more: Callable[[], None] | None = None,
) -> int:
    builder.StartObject(size)
    for slot, offset in fields.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    if add_more:
        add_more()
    return int(builder.EndObject())


def _vector(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
