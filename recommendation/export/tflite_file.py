"""Makes of what the converter gives the file that is shipped."""

from __future__ import annotations

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from ondevice_rec.recommendation.export import tflite_metadata
from ondevice_rec.recommendation.export.assets import (
    HPARAMS,
    INPUT_SPEC,
    POPULAR,
    TITLES,
    VOCABULARIES,
    ModelAssets,
)
from ondevice_rec.recommendation.export.items import VOCABULARY
from ondevice_rec.recommendation.export.signatures import IDS, SCORES, SERVING
from ondevice_rec.recommendation.export.tflite_metadata import PackedFile, TensorText
from ondevice_rec.recommendation.ondevice.associated_files import pack
from ondevice_rec.schemas.input_spec_check import (
    context_features,
    is_embedded,
    source_column,
)

_TFLITE = b"TFL3"
# What kernels may expect of constants (`force_align` in TFLite's schema).
_ALIGNMENT = 16
_DESCRIPTION = (
    "Recommends the items that may come next, from the items a user acted on, oldest "
    "first."
)
_KINDS = {
    TITLES: (
        "Line i (0-based) is the title of item id i.",
        tflite_metadata.VALUE_LABELS,
    ),
    INPUT_SPEC: ("The inputs, as a text-format InputSpec of ondevice-rec.", 0),
    HPARAMS: ("The model's size, as JSON.", 0),
    POPULAR: ("The items with most events in training, best first, as JSON.", 0),
}


def finish(model: bytes, assets: ModelAssets, version: str = "") -> bytes:
    """Adds metadata and what travels with the model; drops what only takes room.

    What takes room, a tenth of a small quantized model: names of tensors within the
    graph, tables that say that one is not quantized, and empty or equal constants. The
    constants are aligned as the schema wants it.

    Args:
      model: What the converter gave.
      assets: What travels with the model.
      version: The model's version, for its metadata.

    Returns:
      Content of the `.tflite` file.
    """
    files = assets.packed_files()
    root = schema.ModelT.InitFromPackedBuf(model, 0)
    _drop_details(root)
    described = _metadata(root, assets, files, version)
    content = schema.BufferT()
    content.data = np.frombuffer(described, np.uint8)
    root.buffers.append(content)
    entry = schema.MetadataT()
    entry.name = tflite_metadata.NAME
    entry.buffer = len(root.buffers) - 1
    root.metadata = [*(root.metadata or []), entry]
    _share_buffers(root)
    root.buffers = [_Aligned(content) for content in root.buffers]
    builder = flatbuffers.Builder(len(model))
    builder.Finish(root.Pack(builder), file_identifier=_TFLITE)
    return pack(bytes(builder.Output()), files)


class _Aligned:
    """Packs a buffer as the schema wants it; the generated code does not."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802
        size = len(self._content)
        if not size:
            schema.BufferStart(builder)
            return int(schema.BufferEnd(builder))
        builder.StartVector(1, size, _ALIGNMENT)
        builder.head -= size
        builder.Bytes[builder.head : builder.head + size] = self._content
        vector = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, vector)
        return int(schema.BufferEnd(builder))


def _share_buffers(root: schema.ModelT) -> None:
    """Replaces the buffers by their contents, each once; the first is empty."""
    places = {b"": 0}
    moved = []
    for buffer in root.buffers:
        data = buffer.data
        content = b"" if data is None else np.asarray(data, np.uint8).tobytes()
        moved.append(places.setdefault(content, len(places)))
    for graph in root.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer = moved[tensor.buffer]
    for entry in root.metadata:
        entry.buffer = moved[entry.buffer]
    root.buffers = list(places)


def _drop_details(root: schema.ModelT) -> None:
    for graph in root.subgraphs:
        ends = {*graph.inputs, *graph.outputs}
        for number, tensor in enumerate(graph.tensors):
            if number not in ends:
                tensor.name = None
            steps = tensor.quantization
            if steps is not None and steps.scale is None and steps.details is None:
                # Of tensors that are not quantized.
                tensor.quantization = None


def _metadata(
    root: schema.ModelT, assets: ModelAssets, files: dict[str, str], version: str
) -> bytes:
    """The metadata of the first subgraph, `SERVING`'s."""
    signature = next(
        each for each in root.signatureDefs if _text(each.signatureKey) == SERVING
    )
    graph = root.subgraphs[signature.subgraphIndex]
    inputs = {each.tensorIndex: _text(each.name) for each in signature.inputs}
    outputs = {each.tensorIndex: _text(each.name) for each in signature.outputs}
    described = _describe_inputs(assets)
    item_files = [_vocabulary(VOCABULARY, "items"), PackedFile(TITLES, *_KINDS[TITLES])]
    results = {
        IDS: TensorText(
            IDS, "Ids of the recommended items, best first; never 0.", item_files
        ),
        SCORES: TensorText(SCORES, "Their scores, 0 to 1."),
    }
    return tflite_metadata.metadata(
        name="Next-item recommender",
        description=_DESCRIPTION,
        version=version,
        inputs=[described[inputs[tensor]] for tensor in graph.inputs],
        outputs=[results[outputs[tensor]] for tensor in graph.outputs],
        files=[PackedFile(name, *_KINDS[name]) for name in files if name in _KINDS],
    )


def _describe_inputs(assets: ModelAssets) -> dict[str, TensorText]:
    """Inputs by name."""
    spec = assets.input_spec
    users = {
        feature.feature_name
        for group in spec.global_feature_groups
        for feature in group.features
    }
    described = {}
    for feature in context_features(spec):
        name, column = feature.feature_name, source_column(feature)
        owner = (
            "the user" if name in users else "the user's latest events, oldest first"
        )
        values = (
            f"ids of `{column}`, 0 for"
            if is_embedded(feature)
            else f"`{column}`, 0 for"
        )
        text = (
            f"Of {owner}: {values} unknown ones and at the end where there are fewer."
        )
        packed = []
        if is_embedded(feature) and column in assets.vocabularies:
            path = (
                VOCABULARY
                if column == assets.item_column
                else f"{VOCABULARIES}{column}.txt"
            )
            packed = [_vocabulary(path, f"`{column}`")]
        described[name] = TensorText(name, text, packed)
    return described


def _vocabulary(name: str, of: str) -> PackedFile:
    text = f"Keys of {of}: line i (0-based) is id i, line 0 is no key."
    return PackedFile(name, text, tflite_metadata.VOCABULARY)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
