"""The shipped `.tflite` file describes itself, and is as small as it can be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import flatbuffers
import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.lite.python import schema_py_generated as schema

from ondevice_rec.recommendation.config import QuantizationConfig
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.export.assets import ModelAssets
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.ondevice.associated_files import unpack
from ondevice_rec.recommendation.spec import InputSpec, ModelHParams

INPUT_SPEC = """
    activity_feature_groups {
      features { feature_name: "context_item" feature_type: STRING vocab_size: 300
                 embedding_dim: 16 feature_length: 5 }
      features { feature_name: "context_genre" feature_type: STRING vocab_size: 4
                 embedding_dim: 2 feature_length: 5 }
      encoder_type: CNN }
    global_feature_groups {
      features { feature_name: "age" feature_type: FLOAT feature_length: 1 } }
    label_feature { feature_name: "label_item" feature_type: STRING vocab_size: 300
                    embedding_dim: 16 }
"""
KEYS = ["[OOV]", *(f"m{id_}" for id_ in range(1, 300))]
VOCABULARIES = {"item": KEYS, "genre": ["[OOV]", "Comedy", "Drama", "Western"]}
TITLES = {"m1": "One\tfilm"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> str:
    keras.utils.set_random_seed(1)
    spec = text_format.Parse(INPUT_SPEC, InputSpec())
    hparams = ModelHParams([20], [10], [1], 2, 4, num_predictions=5)
    folder = str(tmp_path_factory.mktemp("model"))
    export.save(RecommendationModel(spec, hparams), folder, VOCABULARIES, TITLES)
    return folder


@pytest.fixture(scope="module")
def assets(saved: str) -> ModelAssets:
    loaded = export.load_assets(saved)
    return ModelAssets(
        loaded.input_spec, loaded.hparams, VOCABULARIES, TITLES, {"m7": 9, "m2": 4}
    )


@pytest.fixture(scope="module")
def tflite(saved: str, assets: ModelAssets) -> bytes:
    return export.convert_to_tflite(saved, assets=assets, version="run-7")


def metadata_of(model: bytes) -> tuple[schema.Model, bytes]:
    root = schema.Model.GetRootAsModel(model, 0)
    for number in range(root.MetadataLength()):
        if root.Metadata(number).Name() == b"TFLITE_METADATA":
            data = root.Buffers(root.Metadata(number).Buffer()).DataAsNumpy()
            return root, data.tobytes()
    raise AssertionError("no metadata")


class Table:
    """A table of a flatbuffer, read by field numbers."""

    def __init__(self, content: bytes, at: int) -> None:
        self.table = flatbuffers.table.Table(content, at)

    def field(self, number: int) -> int:
        return int(self.table.Offset(4 + 2 * number))

    def text(self, number: int) -> str:
        at = self.field(number)
        return self.table.String(at + self.table.Pos).decode() if at else ""

    def byte(self, number: int) -> int:
        at = self.field(number)
        return self.table.Bytes[at + self.table.Pos] if at else 0

    def tables(self, number: int) -> list[Table]:
        at = self.field(number)
        if not at:
            return []
        first = self.table.Vector(at)
        places = [first + 4 * i for i in range(self.table.VectorLen(at))]
        return [Table(self.table.Bytes, self.table.Indirect(place)) for place in places]


def test_the_metadata_says_what_goes_in_and_what_comes_out(tflite: bytes) -> None:
    # Field numbers of TFLite Support's metadata_schema.fbs.
    root, content = metadata_of(tflite)
    assert content[4:8] == b"M001"
    model = Table(content, int.from_bytes(content[:4], "little"))
    assert (model.text(0), model.text(2)) == ("Next-item recommender", "run-7")
    (subgraph,) = model.tables(3)
    signatures = [root.SignatureDefs(i) for i in range(root.SignatureDefsLength())]
    signature = next(s for s in signatures if s.SignatureKey() == b"serving_default")
    assert signature.SubgraphIndex() == 0
    inputs = {
        signature.Inputs(i).TensorIndex(): signature.Inputs(i).Name().decode()
        for i in range(signature.InputsLength())
    }
    graph = root.Subgraphs(0)
    described = {each.text(0): each for each in subgraph.tables(2)}
    # In the graph's order.
    assert list(described) == [inputs[i] for i in graph.InputsAsNumpy().tolist()]
    assert described["context_item"].text(1) == (
        "Of the user's latest events, oldest first: ids of `item`, 0 for unknown ones "
        "and at the end where there are fewer."
    )
    files = {
        name: [(file.text(0), file.byte(2)) for file in each.tables(6)]
        for name, each in described.items()
    }
    # 5: VOCABULARY, 3: TENSOR_VALUE_LABELS.
    assert files == {
        "context_item": [("vocab.txt", 5)],
        "context_genre": [("vocabularies/genre.txt", 5)],
        "age": [],
    }
    outputs = {each.text(0): each for each in subgraph.tables(3)}
    assert set(outputs) == {"top_prediction_ids", "top_prediction_scores"}
    labelled = [
        (file.text(0), file.byte(2)) for file in outputs["top_prediction_ids"].tables(6)
    ]
    assert labelled == [("vocab.txt", 5), ("titles.txt", 3)]
    named = {file.text(0) for table in (model,) for file in table.tables(6)}
    for each in (*described.values(), *outputs.values()):
        named |= {file.text(0) for file in each.tables(6)}
    assert named == set(unpack(tflite))


def test_what_is_packed_is_read_again(tflite: bytes, assets: ModelAssets) -> None:
    files = unpack(tflite)
    assert files["titles.txt"].split("\n")[:3] == ["[OOV]", "One film", "m2"]
    assert json.loads(files["popular.json"]) == [[7, 9], [2, 4]]
    found = ModelAssets.from_files(files, "the file")
    assert found.vocabularies == VOCABULARIES
    assert found.popular == {"m7": 9, "m2": 4}
    assert found.titles == {"m1": "One film"}


def test_constants_are_aligned_and_stand_there_once(saved: str) -> None:
    small = export.convert_to_tflite(saved, QuantizationConfig.for_dynamic())
    root = schema.Model.GetRootAsModel(small, 0)
    whole = np.frombuffer(small, np.uint8).__array_interface__["data"][0]
    contents = []
    for number in range(root.BuffersLength()):
        buffer = root.Buffers(number)
        if buffer.DataLength():
            data = buffer.DataAsNumpy()
            assert (data.__array_interface__["data"][0] - whole) % 16 == 0
            contents.append(data.tobytes())
        else:
            # By the schema the first buffer, and only that one is needed.
            assert number == 0
    assert len(set(contents)) == len(contents)


def test_every_signature_runs_as_before(saved: str, tflite: bytes) -> None:
    converter = tf.lite.TFLiteConverter.from_saved_model(
        saved, signature_keys=["serving_default", "serving_default_batch"]
    )
    raw = tf.lite.Interpreter(model_content=converter.convert())
    shipped = tf.lite.Interpreter(model_content=tflite)
    rng = np.random.default_rng(2)
    features = {
        "context_item": rng.integers(1, 300, (4, 5)).astype(np.int32),
        "context_genre": rng.integers(1, 4, (4, 5)).astype(np.int32),
        "age": rng.random((4, 1)).astype(np.float32),
    }
    row = {name: values[0] for name, values in features.items()}
    for signature, given in (
        ("serving_default", row),
        ("serving_default_batch", features),
    ):
        expected = raw.get_signature_runner(signature)(**given)
        found = shipped.get_signature_runner(signature)(**given)
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values)


@pytest.mark.integration
def test_tflite_supports_own_tool_reads_it(
    tflite: bytes, tmp_path: Path, project_root: Path
) -> None:
    if sys.version_info[:2] != (3, 10):
        pytest.skip("tflite-support has no wheels for this Python")
    uv = project_root / ".tools" / "uv" / "bin" / "uv"
    python = tmp_path / "venv" / "bin" / "python"

    def run(*command: str | Path) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and command[0] == uv:
            pytest.skip(f"tflite-support cannot be installed: {done.stderr[-300:]}")
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    run(uv, "pip", "install", "--quiet", "--python", python, "tflite-support==0.4.4")
    model = tmp_path / "model.tflite"
    model.write_bytes(tflite)
    code = (
        "import json, sys\n"
        "from tflite_support import metadata\n"
        "shown = metadata.MetadataDisplayer.with_model_file(sys.argv[1])\n"
        "files = {n: shown.get_associated_file_buffer(n).decode()\n"
        "         for n in shown.get_packed_associated_file_list()}\n"
        "print(json.dumps([shown.get_metadata_json(), files]))\n"
    )
    text, files = json.loads(run(python, "-c", code, model).splitlines()[-1])
    assert files == unpack(tflite)
    shown: dict[str, Any] = json.loads(text)
    (subgraph,) = shown["subgraph_metadata"]
    assert {each["name"] for each in subgraph["input_tensor_metadata"]} == {
        "age",
        "context_genre",
        "context_item",
    }
