"""A model that starts with the weights of an earlier one."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from google.protobuf import text_format

from ondevice_rec.recommendation import warm_start
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import InputSpec, hparams_from_proto
from ondevice_rec.schemas import pipeline_config_pb2

SPEC = """
activity_feature_groups {
  encoder_type: BOW
  features { feature_name: "context_item" column: "item" vocab_size: ITEMS
             embedding_dim: 8 feature_length: 4 }
}
global_feature_groups {
  features { feature_name: "town" vocab_size: TOWNS embedding_dim: 4 feature_length: 1 }
}
label_feature { feature_name: "label_item" column: "item" vocab_size: ITEMS
                embedding_dim: 8 }
"""
BEFORE = {"item": ["[OOV]", "a", "b", "c", "d"], "town": ["[OOV]", "Rome", "Oslo"]}
# d, then one that is new, then others in other places; b is gone; two are new.
NOW = {"item": ["[OOV]", "d", "x", "c", "a", "y"], "town": ["[OOV]", "Oslo"]}


def made(vocabularies, tied=False, spec=SPEC, seed=1, **hparams):
    keras.utils.set_random_seed(seed)
    text = spec.replace("ITEMS", str(len(vocabularies["item"])))
    text = text.replace("TOWNS", str(len(vocabularies["town"])))
    settings = {"num_predictions": 3, "transformer_num_blocks": 1, **hparams}
    return RecommendationModel(
        text_format.Parse(text, InputSpec()),
        hparams_from_proto(
            pipeline_config_pb2.HParams(tie_embeddings=tied, **settings)
        ),
    )


@pytest.fixture(scope="module", params=[False, True], ids=["apart", "tied"])
def saved(request, tmp_path_factory):
    model = made(BEFORE, request.param)
    folder = str(tmp_path_factory.mktemp("base") / "model")
    export.save(model, folder, BEFORE)
    return model, folder, request.param


def ids(vocabularies, keys, length):
    found = [vocabularies.index(key) for key in keys]
    return np.array([found + [0] * (length - len(found))], np.int32)


def scores(model, vocabularies):
    features = {
        "context_item": ids(vocabularies["item"], ["c", "a", "d"], 4),
        "town": ids(vocabularies["town"], ["Oslo"], 1),
    }
    return np.asarray(model.scores(features))[0]


def test_what_both_know_is_scored_as_before(saved):
    earlier, folder, tied = saved
    model = made(NOW, tied, seed=2)
    started = warm_start.start(model, NOW, folder)
    assert started.left_out == ""
    assert started.keys == {"item": (3, 2), "town": (1, 0)}
    assert str(started) == "item: 3 keys kept, 2 new; town: 1 keys kept, 0 new"
    before, now = scores(earlier, BEFORE), scores(model, NOW)
    for key in "acd":
        np.testing.assert_allclose(
            now[NOW["item"].index(key)], before[BEFORE["item"].index(key)], rtol=1e-5
        )


def test_a_new_item_begins_as_the_mean_of_all_with_the_usual_noise(saved):
    earlier, folder, tied = saved
    fresh, model = made(NOW, tied, seed=2), made(NOW, tied, seed=2)
    warm_start.start(model, NOW, folder)
    mean = np.asarray(earlier.item_table)[1:].mean(axis=0)
    for place in (2, 5):
        np.testing.assert_allclose(
            np.asarray(model.item_table)[place],
            mean + np.asarray(fresh.item_table)[place],
            rtol=1e-5,
        )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"transformer_num_blocks": 2}, "transformer_num_blocks was 1 and is 2"),
        # The same shapes, but another computation.
        ({"transformer_num_heads": 4}, "transformer_num_heads was 2 and is 4"),
        ({"spec": SPEC.replace("dim: 8", "dim: 16")}, "another input spec"),
        ({"spec": SPEC.replace("BOW", "GRU", 1)}, "another input spec"),
    ],
)
def test_another_model_is_left_as_it_is(saved, changed, words):
    _, folder, tied = saved
    model = made(NOW, tied, **changed)
    before = [np.array(weight) for weight in model.weights]
    started = warm_start.start(model, NOW, folder)
    assert words in started.left_out
    assert str(started).startswith("cold: ")
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_what_is_no_model_is_said(saved, tmp_path):
    model = made(NOW)
    assert "has no" in warm_start.start(model, NOW, str(tmp_path)).left_out
    # What does not change the computation is free.
    _, folder, tied = saved
    model = made(NOW, tied, num_predictions=2)
    assert warm_start.start(model, NOW, folder).left_out == ""
