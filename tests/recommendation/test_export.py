"""SavedModel and TFLite give what the model gives."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from ondevice_rec.recommendation.encoders import ENCODERS
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.ondevice import associated_files
from ondevice_rec.recommendation.spec import EncoderType
from ondevice_rec.schemas.errors import UserError

GLOBAL = """
global_feature_groups { features { feature_name: "age" feature_type: INT vocab_size: 5
  embedding_dim: 2 feature_length: 1 } }
"""
RATING = """
activity_feature_groups { features { feature_name: "context_rating"
  feature_type: FLOAT feature_length: 2 } }
"""
VOCABULARIES = {
    "item": ["[OOV]", *(f"key {i} é" for i in range(19))],
    "age": ["[OOV]", "1", "18", "25", "35"],
}
TITLES = {"key 0 é": "Zero", "key 7 é": "Sieben\u2028Brücken"}


_LOAD = """
import sys
import tensorflow as tf
tf.lite.Interpreter(model_content=sys.stdin.buffer.read()).allocate_tensors()
"""


@pytest.fixture(scope="module", params=[EncoderType.Name(e) for e in ENCODERS])
def exported(request, kit, tmp_path_factory):
    """A model of several groups with this encoder, and where it was saved."""
    keras.utils.set_random_seed(1)
    groups = GLOBAL + kit.item_group(7, request.param) + RATING
    model = RecommendationModel(
        kit.input_spec(groups), kit.hparams(projection_activation="linear")
    )
    folder = str(tmp_path_factory.mktemp("model") / "saved")
    export.save(model, folder, VOCABULARIES, TITLES)
    return model, folder


@pytest.fixture(scope="module")
def tflite(exported):
    return export.convert_to_tflite(exported[1])


@pytest.fixture
def queries():
    """Full, padded and empty contexts."""
    rng = np.random.default_rng(0)
    item = rng.integers(1, 20, (6, 7))
    item[1, 4:] = item[2, 1:] = item[3] = 0
    return {
        "age": rng.integers(0, 5, (6, 1)).astype(np.int32),
        "context_item": item.astype(np.int32),
        "context_rating": rng.random((6, 2)).astype(np.float32),
    }


def test_tflite_recommends_what_the_model_recommends(exported, tflite, queries):
    interpreter = tf.lite.Interpreter(model_content=tflite)
    runner = interpreter.get_signature_runner("serving_default")
    shapes = {
        name: (detail["shape"].tolist(), detail["dtype"])
        for name, detail in runner.get_input_details().items()
    }
    assert shapes == {
        "age": ([1], np.int32),
        "context_item": ([7], np.int32),
        "context_rating": ([2], np.float32),
    }
    ids, scores = (np.asarray(output) for output in exported[0].recommend(queries))
    for i in range(6):
        outputs = runner(**{name: values[i] for name, values in queries.items()})
        assert outputs["top_prediction_ids"].dtype == np.int32
        assert outputs["top_prediction_ids"].tolist() == ids[i].tolist()
        np.testing.assert_allclose(
            outputs["top_prediction_scores"], scores[i], atol=1e-6
        )


@pytest.mark.parametrize("rows", [[0], [0, 1, 2, 3, 4, 5], [5, 2]])
def test_tflite_recommends_for_several_at_once(exported, tflite, queries, rows):
    interpreter = tf.lite.Interpreter(model_content=tflite)
    runner = interpreter.get_signature_runner("serving_default_batch")
    batch = {name: values[rows] for name, values in queries.items()}
    outputs = runner(**batch)
    ids, scores = (np.asarray(output) for output in exported[0].recommend(batch))
    assert outputs["top_prediction_ids"].tolist() == ids.tolist()
    np.testing.assert_allclose(outputs["top_prediction_scores"], scores, atol=1e-6)


def test_tflite_has_built_in_operations_only_and_stores_the_weights_once(
    exported, tflite
):
    content = schema.ModelT.InitFromPackedBuf(tflite, 0)
    assert [code.customCode for code in content.operatorCodes] == [None] * len(
        content.operatorCodes
    )
    # Apps that ask for no signature get the first subgraph.
    first = min(content.signatureDefs, key=lambda each: each.subgraphIndex)
    assert (first.signatureKey, first.subgraphIndex) == (b"serving_default", 0)
    stored = sum(len(b.data) for b in content.buffers if b.data is not None)
    weights = 4 * exported[0].count_params()
    # What is more is shapes and the like.
    assert stored < weights + 4000


@pytest.mark.parametrize("exported", ["LSTM"], indirect=True)
def test_no_tensor_of_tflite_gets_its_shape_at_run_time(tflite):
    # TensorFlow's interpreter would do without its fast kernels, and say so.
    done = subprocess.run(
        [sys.executable, "-c", _LOAD],
        input=tflite,
        capture_output=True,
        check=True,
    )
    assert b"XNNPACK delegate" in done.stderr
    assert b"dynamic-sized" not in done.stderr


def test_tflite_carries_vocabularies_and_titles(tflite):
    files = associated_files.unpack(tflite)
    assert files["vocab.txt"].split("\n")[:3] == ["[OOV]", "key 0 é", "key 1 é"]
    assert files["vocabularies/age.txt"] == "[OOV]\n1\n18\n25\n35\n"
    assert files["titles.txt"].split("\n")[:3] == ["[OOV]", "Zero", "key 1 é"]


def test_the_saved_models_signatures(exported, queries):
    model, folder = exported
    signatures = tf.saved_model.load(folder).signatures
    batch = {name: tf.constant(values) for name, values in queries.items()}
    served = signatures[export.SERVING_BATCH](**batch)
    ids, scores = model.recommend(queries)
    assert served["top_prediction_ids"].numpy().tolist() == np.asarray(ids).tolist()
    np.testing.assert_allclose(served["top_prediction_scores"], scores, atol=1e-6)
    scored = signatures[export.SCORE](**batch)["scores"]
    np.testing.assert_allclose(scored, model.scores(queries), atol=1e-6)


def test_what_travels_with_the_model(exported):
    model, folder = exported
    assets = export.load_assets(folder)
    assert assets.input_spec == model.feature_spec
    assert assets.hparams == model.hparams
    assert assets.vocabularies == VOCABULARIES
    assert assets.titles == TITLES
    assert assets.items.titles[:2] == ["[OOV]", "Zero"]


@pytest.fixture(scope="module")
def plain(kit):
    """A model of one group."""
    return RecommendationModel(kit.input_spec(kit.item_group(7)), kit.hparams())


@pytest.mark.parametrize(
    ("vocabularies", "message"),
    [
        ({}, "items' keys, under `item`, received none"),
        ({"genre": ["[OOV]", "Drama"]}, "under `item`, received genre"),
        ({"item": ["[OOV]", "a"]}, "must hold 20 keys.*received 2"),
        (
            {"item": ["[OOV]", "a\nb", *map(str, range(18))]},
            r"must be one line, received 'a\\nb'",
        ),
    ],
)
def test_a_vocabulary_that_does_not_suit_is_an_error(
    plain, tmp_path, vocabularies, message
):
    with pytest.raises(UserError, match=message):
        export.save(plain, str(tmp_path / "model"), vocabularies)
    assert not (tmp_path / "model").exists()


def test_a_folder_that_cannot_be_written_is_an_error(plain, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/model cannot be written to"):
        export.save(plain, str(tmp_path / "file" / "model"), VOCABULARIES)


def test_a_saved_model_of_another_origin_is_an_error(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(UserError, match=r"has no vocab.txt, labels.tsv"):
        export.convert_to_tflite(str(tmp_path))
