"""SavedModel and TFLite give what the model gives."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ondevice_rec.recommendation import export
from ondevice_rec.recommendation.model import RecommendationModel

GLOBAL = """
global_feature_groups { features { feature_name: "age" feature_type: INT vocab_size: 5
  embedding_dim: 2 feature_length: 1 } }
"""
RATING = """
activity_feature_groups { features { feature_name: "context_rating"
  feature_type: FLOAT feature_length: 2 } }
"""
VOCABULARIES = {"item": ["[OOV]", *(f"key {i} é" for i in range(19))]}


@pytest.fixture(scope="module", params=["BOW", "CNN", "LSTM"])
def exported(request, kit, tmp_path_factory):
    """A model of several groups with this encoder, and where it was saved."""
    groups = GLOBAL + kit.item_group(7, request.param) + RATING
    model = RecommendationModel(kit.input_spec(groups), kit.hparams())
    folder = str(tmp_path_factory.mktemp("model") / "saved")
    export.save(model, folder, VOCABULARIES)
    return model, folder


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


def test_tflite_recommends_what_the_model_recommends(exported, queries):
    model, folder = exported
    interpreter = tf.lite.Interpreter(model_content=export.convert_to_tflite(folder))
    runner = interpreter.get_signature_runner(export.SERVING)
    shapes = {
        name: (detail["shape"].tolist(), detail["dtype"])
        for name, detail in runner.get_input_details().items()
    }
    assert shapes == {
        "age": ([1], np.int32),
        "context_item": ([7], np.int32),
        "context_rating": ([2], np.float32),
    }
    operations = {op["op_name"] for op in interpreter._get_ops_details()}
    assert not any(name.startswith("Flex") for name in operations)
    ids, scores = (np.asarray(output) for output in model.recommend(queries))
    for i in range(6):
        outputs = runner(**{name: values[i] for name, values in queries.items()})
        assert outputs["top_prediction_ids"].dtype == np.int32
        assert outputs["top_prediction_ids"].tolist() == ids[i].tolist()
        np.testing.assert_allclose(
            outputs["top_prediction_scores"], scores[i], atol=1e-6
        )


def test_the_saved_models_signatures(exported, queries):
    model, folder = exported
    signatures = tf.saved_model.load(folder).signatures
    batch = {name: tf.constant(values) for name, values in queries.items()}
    served = signatures[export.SERVE_BATCH](**batch)
    ids, scores = model.recommend(queries)
    assert served["top_prediction_ids"].numpy().tolist() == np.asarray(ids).tolist()
    np.testing.assert_allclose(served["top_prediction_scores"], scores, atol=1e-6)
    labels = np.array([3, 0, 19, 1, 7, 8], np.int32)
    ranks = signatures[export.RANK](label=tf.constant(labels), **batch)["rank"]
    assert ranks.dtype == tf.int64
    expected = np.asarray(model.rank(queries, labels)).tolist()
    assert ranks.numpy().tolist() == expected
    assert expected[1] == 20


def test_what_travels_with_the_model(exported):
    model, folder = exported
    assets = export.load_assets(folder)
    assert assets.input_spec == model.feature_spec
    assert assets.hparams == model.hparams
    assert assets.vocabularies == VOCABULARIES
