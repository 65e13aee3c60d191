"""The model against its architecture, Model Maker's and ours, worked out in numpy."""

from __future__ import annotations

import numpy as np
import pytest

from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.schemas.errors import UserError

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


def gru(values, mask, weights):
    kernel, recurrent, bias = weights.pop(0), weights.pop(0), weights.pop(0)
    h = np.zeros((len(values), len(recurrent)))
    states = []
    for t in range(values.shape[1]):
        z_x, r_x, h_x = np.split(values[:, t] @ kernel + bias[0], 3, axis=1)
        z_h, r_h, h_h = np.split(h @ recurrent + bias[1], 3, axis=1)
        z, r = (1 / (1 + np.exp(-gate)) for gate in (z_x + z_h, r_x + r_h))
        h = z * h + (1 - z) * np.tanh(h_x + r * h_h)
        states.append(h)
    return last_present(np.stack(states, axis=1), mask)


def transformer(values, mask, weights):
    def dense(x):
        kernel, bias = weights.pop(0), weights.pop(0)
        return x @ kernel + bias

    def norm(x):
        gamma, beta = weights.pop(0), weights.pop(0)
        deviation = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-6)
        return (x - x.mean(axis=-1, keepdims=True)) / deviation * gamma + beta

    x = values + weights.pop(0)
    length, heads = x.shape[1], 2
    places = np.arange(length)
    allowed = (places[:, None] >= places) & (mask[:, None, :] > 0)
    for _ in range(2):
        normal = norm(x)
        q, k, v = (dense(normal).reshape(len(x), length, heads, -1) for _ in range(3))
        score = np.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(q.shape[-1])
        score = np.where(allowed[:, None], score, -np.inf)
        weight = np.exp(score - score.max(axis=-1, keepdims=True))
        weight /= weight.sum(axis=-1, keepdims=True)
        found = np.einsum("bhqk,bkhd->bqhd", weight, v).reshape(x.shape)
        x = x + dense(found)
        x = x + dense(relu(dense(norm(x))))
        # The two dense layers were read in the order of the call.
    return last_present(norm(x), mask)


def state_space(values, mask, weights):
    """One event after the other: the state itself, which the encoder never makes."""
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    x = values
    names = "query key value keep gate mix wide narrow"
    weights = iter(weights)
    blocks = []
    for _ in range(2):
        block = {"taps": next(weights), "norm": (next(weights), next(weights))}
        for name in names.split()[:5]:
            block[name] = (next(weights), next(weights))
        block["found_norm"] = (next(weights), next(weights))
        block["mix"] = (next(weights), next(weights))
        block["dense_norm"] = (next(weights), next(weights))
        for name in ("wide", "narrow"):
            block[name] = (next(weights), next(weights))
        blocks.append(block)
    norms = lambda x, pair: (  # noqa: E731
        (x - x.mean(-1, keepdims=True))
        / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
        * pair[0]
        + pair[1]
    )
    dense = lambda x, pair: x @ pair[0] + pair[1]  # noqa: E731
    for block in blocks:
        normal = norms(x, block["norm"]) * mask[..., None]
        out = np.zeros_like(x)
        for row in range(len(x)):
            size = x.shape[2] // 2
            state = np.zeros((2, size, size))
            for t in range(x.shape[1]):
                event = sum(
                    normal[row, t - 3 + i] * block["taps"][i]
                    for i in range(4)
                    if t - 3 + i >= 0
                )
                here = mask[row, t]
                decay = sigmoid(dense(event, block["keep"])) ** here
                q, k, v = (
                    dense(event, block[name]).reshape(2, size)
                    for name in ("query", "key", "value")
                )
                state = decay[:, None, None] * state
                state += here * k[:, :, None] * v[:, None, :]
                found = np.einsum("hi,hij->hj", q / np.sqrt(size), state).reshape(-1)
                gate = dense(event, block["gate"])
                found = norms(found, block["found_norm"]) * gate * sigmoid(gate)
                out[row, t] = x[row, t] + dense(found, block["mix"])
        wide = dense(norms(out, block["dense_norm"]), block["wide"])
        x = out + dense(wide * sigmoid(wide), block["narrow"])
    return last_present(norms(x, (next(weights), next(weights))), mask)


def last_present(states, mask):
    last = (mask * np.arange(1, mask.shape[1] + 1)).argmax(axis=1)
    return states[np.arange(len(states)), last]


def reference(model, x, encode):
    """Scores of Model Maker's model (`context_encoder.py`) with `model`'s weights."""
    age, _ = model.global_encoders
    [activity] = model.activity_encoders
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
        ("GRU", gru, "linear"),
        ("TRANSFORMER", transformer, "linear"),
        ("STATE_SPACE", state_space, "linear"),
    ],
)
def test_scores_are_those_of_the_reference(kit, encoder, encode, projection):
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


@pytest.mark.parametrize("encoder", ["GRU", "TRANSFORMER", "STATE_SPACE"])
def test_positions_are_encoded_as_the_contexts_that_end_there(kit, encoder):
    rng = np.random.default_rng(5)
    model = RecommendationModel(
        kit.input_spec(GLOBAL + FEATURES % encoder), kit.hparams(dropout=0.5)
    )
    model.set_weights([rng.normal(size=w.shape) * 0.5 for w in model.get_weights()])
    x = inputs(rng)
    positions = np.asarray(model.encode_positions(x, training=False))
    assert positions.shape == (2, 7, 4)
    # Row 0 is without its item at position 3, row 1 has one event.
    for row, place in [(0, 0), (0, 2), (0, 4), (0, 6), (1, 0)]:
        until = {name: values.copy() for name, values in x.items()}
        for name in ("context_item", "context_genre", "context_price"):
            until[name][:, place + 1 :] = 0
        vectors = np.asarray(model.encode(until))
        np.testing.assert_allclose(positions[row, place], vectors[row], atol=1e-5)
    # Shorter sequences than the device's contexts are encoded alike.
    short = {name: v[:, :5] if v.shape[1] > 1 else v for name, v in x.items()}
    found = np.asarray(model.encode_positions(short, training=False))
    for row, places in [(0, [0, 1, 2, 4]), (1, [0])]:
        np.testing.assert_allclose(
            found[row, places], positions[row, places], atol=1e-5
        )


def test_a_tied_table_is_one(kit):
    spec = kit.input_spec(kit.item_group(3))
    tied = RecommendationModel(spec, kit.hparams(tie_embeddings=True))
    apart = RecommendationModel(spec, kit.hparams())
    assert tied.count_params() == apart.count_params() - 20 * 4
    table = tied.label_embedding.get_weights()[0]
    [encoder] = tied.activity_encoders
    x = {"context_item": np.array([[3, 5, 0]], np.int32)}
    np.testing.assert_allclose(
        np.asarray(encoder(x))[0], (table[3] + table[5]) / 2, atol=1e-6
    )


def test_without_a_projection_the_encoding_is_the_vector(kit):
    spec = kit.input_spec(kit.item_group(3))
    hparams = kit.hparams(hidden_layer_dims=[], projection_activation="none")
    model = RecommendationModel(spec, hparams)
    [encoder] = model.activity_encoders
    x = {"context_item": np.array([[3, 5, 0]], np.int32)}
    np.testing.assert_array_equal(np.asarray(model.encode(x)), np.asarray(encoder(x)))
    with pytest.raises(UserError, match=r"has 6 values, and the label's .* is 4"):
        RecommendationModel(spec, kit.hparams(projection_activation="none"))


def test_seen_items_are_excluded_in_the_model(kit):
    scores = [9.0, 0.1, 0.5, 0.3, 0.2]
    model = ranking_model(kit, scores)
    model.hparams.exclude_seen = True
    x = {"context_item": np.array([[2, 0], [3, 3], [2, 4]], np.int32)}
    ids = np.asarray(model.recommend(x)[0])
    assert ids.tolist()[:2] == [[3, 4, 1], [2, 4, 1]]
    # Two items are left: what is excluded comes last, with score 0.
    ids, found = (np.asarray(each)[2] for each in model.recommend(x))
    assert ids.tolist()[:2] == [3, 1]
    assert ids[2] in (2, 4)
    assert found[2] == 0.0
    ranks = np.asarray(model.rank(x, np.array([3, 4, 4], np.int32)))
    # An item of the context is recommended after every other one.
    assert ranks.tolist() == [1, 2, 4]
