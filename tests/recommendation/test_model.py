"""The model against Model Maker's architecture worked out in numpy."""

from __future__ import annotations

import numpy as np
import pytest

from ondevice_rec.recommendation.model import RecommendationModel

FEATURES = """
activity_feature_groups {
  features { feature_name: "context_item" feature_type: STRING vocab_size: 20
    embedding_dim: 4 feature_length: 7 }
  features { feature_name: "context_price" feature_type: FLOAT feature_length: 7 }
  features { feature_name: "context_genre" feature_type: STRING vocab_size: 6
    embedding_dim: 3 feature_length: 7 }
  encoder_type: %s
}
"""
GLOBAL = """
global_feature_groups {
  features { feature_name: "age" feature_type: INT vocab_size: 5 embedding_dim: 2
    feature_length: 1 }
}
global_feature_groups {
  features { feature_name: "height" feature_type: FLOAT feature_length: 1 }
}
"""


def inputs(rng):
    """Two queries: one full but for an out-of-vocabulary item, one mostly padding."""
    item = rng.integers(1, 20, (2, 7))
    genre = rng.integers(1, 6, (2, 7))
    item[0, 3] = item[1, 2:] = 0
    genre[1, 1:] = 0
    return {
        "context_item": item.astype(np.int32),
        "context_genre": genre.astype(np.int32),
        "context_price": rng.random((2, 7)).astype(np.float32),
        "age": np.array([[2], [0]], np.int32),
        "height": np.array([[1.8], [1.6]], np.float32),
    }


def relu(x):
    return np.maximum(x, 0.0)


def bow(values, mask, weights):
    total = mask.sum(axis=1, keepdims=True)
    return np.divide(values.sum(axis=1), total, out=np.zeros_like(values[:, 0]),
                     where=total > 0)  # fmt: skip


def cnn(values, mask, weights):
    for _ in range(2):
        kernel, bias = weights.pop(0), weights.pop(0)
        size, length = len(kernel), values.shape[1]
        steps = -(-length // size)
        missing = steps * size - length
        padded = np.pad(
            values, ((0, 0), (missing // 2, missing - missing // 2), (0, 0))
        )
        pieces = padded.reshape(len(values), steps, size, -1)
        values = relu(np.einsum("bskd,kdf->bsf", pieces, kernel) + bias)
    return values.max(axis=1)


def lstm(values, mask, weights):
    kernel, recurrent, bias = weights.pop(0), weights.pop(0), weights.pop(0)
    units = recurrent.shape[0]
    h = c = np.zeros((len(values), units))
    for t in range(values.shape[1]):
        z = values[:, t] @ kernel + h @ recurrent + bias
        i, f, g, o = np.split(z, 4, axis=1)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
    return h


def reference(model, x, encode):
    """Scores of Model Maker's model (`context_encoder.py`) with `model`'s weights."""
    age, _, activity = model.group_encoders
    age_table = age.embeddings["age"].get_weights()[0]
    age_mask = x["age"] != 0
    age_vector = (age_table[x["age"]] * age_mask[..., None])[:, 0]
    tables = {n: layer.get_weights()[0] for n, layer in activity.embeddings.items()}
    mask = (x["context_item"] != 0) & (x["context_genre"] != 0)
    values = np.concatenate(
        [
            tables["context_genre"][x["context_genre"]],
            tables["context_item"][x["context_item"]],
            x["context_price"][..., None],
        ],
        axis=-1,
    )
    values = values * mask[..., None]
    vector = encode(values, mask.astype(float), activity.encoder.get_weights())
    vector = np.concatenate([age_vector, x["height"], vector], axis=-1)
    for layer in model.hidden_layers:
        kernel, bias = layer.get_weights()
        vector = relu(vector @ kernel + bias)
    kernel, bias = model.projection.get_weights()
    vector = vector @ kernel + bias
    if model.hparams.projection_activation == "relu":
        vector = relu(vector)
    return vector @ model.label_embedding.get_weights()[0].T


@pytest.mark.parametrize(
    ("encoder", "encode", "projection"),
    [
        ("BOW", bow, "relu"),
        ("CNN", cnn, "relu"),
        ("LSTM", lstm, "relu"),
        ("BOW", bow, "linear"),
    ],
)
def test_scores_are_model_makers(kit, encoder, encode, projection):
    rng = np.random.default_rng(5)
    model = RecommendationModel(
        kit.input_spec(GLOBAL + FEATURES % encoder),
        kit.hparams(projection_activation=projection),
    )
    # Biases are made 0; with other values a missing one shows.
    model.set_weights([rng.normal(size=w.shape) * 0.5 for w in model.get_weights()])
    x = inputs(rng)
    scores = np.asarray(model(x))
    assert scores.shape == (2, 20)
    np.testing.assert_allclose(scores, reference(model, x, encode), atol=1e-5)
    assert np.ptp(scores) > 0.1


def test_embeddings_begin_truncated_normal(kit):
    spec = kit.input_spec(kit.item_group(3), vocab_size=5000, embedding_dim=16)
    table = RecommendationModel(spec, kit.hparams()).label_embedding.get_weights()[0]
    # Cut at two deviations of 1 / sqrt(16), which leaves 0.8796 of the deviation.
    assert np.abs(table).max() <= 0.5
    assert table.std() == pytest.approx(0.8796 / 4, rel=0.02)


def ranking_model(kit, scores):
    """A model that scores the ids so, whatever the context."""
    spec = kit.input_spec(kit.item_group(2), vocab_size=len(scores), embedding_dim=1)
    model = RecommendationModel(spec, kit.hparams(hidden_layer_dims=[]))
    model.projection.set_weights([np.zeros((4, 1)), np.ones(1)])
    model.label_embedding.set_weights([np.array(scores)[:, None]])
    return model


def test_id_0_is_never_recommended(kit):
    model = ranking_model(kit, [9.0, 0.1, 0.5, 0.3, 0.2])
    ids, scores = model.recommend({"context_item": np.array([[1, 0]], np.int32)})
    assert np.asarray(ids).tolist() == [[2, 3, 4]]
    expected = 1 / (1 + np.exp(-np.array([0.5, 0.3, 0.2])))
    np.testing.assert_allclose(np.asarray(scores)[0], expected, atol=1e-6)


def test_ranks_are_among_all_items_and_pessimistic(kit):
    model = ranking_model(kit, [9.0, 0.1, 0.5, 0.3, 0.3])
    labels = np.array([2, 3, 4, 1, 0], np.int32)
    context = {"context_item": np.ones((5, 2), np.int32)}
    assert np.asarray(model.rank(context, labels)).tolist() == [1, 3, 3, 4, 5]


def test_a_score_that_is_not_a_number_is_a_miss(kit):
    model = ranking_model(kit, [9.0, 0.1, np.nan, 0.3, 0.3])
    context = {"context_item": np.ones((1, 2), np.int32)}
    assert np.asarray(model.rank(context, np.array([3], np.int32))).tolist() == [5]
