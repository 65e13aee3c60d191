"""Files inside a `.tflite` file."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from ondevice_rec.recommendation.ondevice.associated_files import pack, unpack

FILES = {"vocab.txt": "[OOV]\nä\n", "vocabularies/genre.txt": "[OOV]\nDrama\n"}


def test_what_is_packed_is_unpacked_and_read_by_zip(tflite_model: bytes) -> None:
    packed = pack(tflite_model, FILES)
    assert unpack(packed) == FILES
    assert packed.startswith(tflite_model)
    # Names, dates and directories: 76 + 2 * len(name) bytes a file, 22 for the archive.
    names = "".join(FILES)
    text = "".join(FILES.values()).encode()
    assert len(packed) - len(tflite_model) == 2 * 76 + 2 * len(names) + len(text) + 22
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        # TFLite's and MediaPipe's readers refuse compressed files.
        assert {each.compress_type for each in archive.infolist()} == {0}
    assert pack(tflite_model, FILES) == packed


def test_more_can_be_added_but_nothing_replaced(tflite_model: bytes) -> None:
    packed = pack(pack(tflite_model, {"a": "1"}), {"b": "2"})
    assert unpack(packed) == {"a": "1", "b": "2"}
    with pytest.raises(ValueError, match="already holds b"):
        pack(packed, {"b": "3"})


def test_a_model_without_files_has_none(tflite_model: bytes) -> None:
    assert unpack(tflite_model) == {}


def test_both_runtimes_load_a_packed_model(tflite_model: bytes) -> None:
    packed = pack(tflite_model, FILES)
    runtimes = [tf.lite.Interpreter]
    runtimes.append(pytest.importorskip("ai_edge_litert.interpreter").Interpreter)
    for runtime in runtimes:
        runner = runtime(model_content=packed).get_signature_runner("serving_default")
        found = runner(
            context_item=np.array([4, 0, 0], np.int32), age=np.zeros(1, np.float32)
        )
        assert found["top_prediction_ids"].tolist() == [4, 3, 2]
