"""Losses against their formulas."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from ondevice_rec.recommendation import losses
from ondevice_rec.recommendation.losses.gbce import gbce_beta
from ondevice_rec.recommendation.losses.sampled_softmax import log_uniform
from ondevice_rec.schemas import pipeline_config_pb2
from ondevice_rec.schemas.pipeline_config_pb2 import Training

DIM = 5


def example(contexts, vocab_size, seed=0):
    """Vectors, labels of which some are 0, and a table."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, vocab_size, contexts)
    labels[::4] = 0
    return (
        rng.normal(size=(contexts, DIM)).astype(np.float32),
        labels.astype(np.int32),
        rng.normal(size=(vocab_size, DIM)).astype(np.float32),
    )


def cross_entropies(similarities, places):
    rows = zip(similarities.astype(np.float64), places, strict=True)
    return np.array([np.log(np.exp(row).sum()) - row[i] for row, i in rows])


# The second needs four chunks, the last of which is not full.
@pytest.mark.parametrize(("contexts", "vocab_size"), [(7, 20), (250, 9000), (1, 3)])
def test_global_softmax_is_the_mean_cross_entropy_over_all_ids(contexts, vocab_size):
    vectors, labels, table = example(contexts, vocab_size)
    if contexts == 1:
        labels[:] = 1
    counted = labels > 0
    each = cross_entropies(vectors @ table.T, labels)
    loss = float(losses.GlobalSoftmax()(vectors, labels, table))
    assert loss == pytest.approx(each[counted].mean(), abs=1e-5)


def test_the_gradient_of_global_softmax_is_that_of_its_formula():
    vectors, labels, table = (tf.constant(each) for each in example(150, 6000))

    def gradients(loss):
        with tf.GradientTape() as tape:
            tape.watch([vectors, table])
            value = 3.0 * loss()
        found = tape.gradient(value, [vectors, table])
        return [tf.convert_to_tensor(each).numpy() for each in found]

    def formula():
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels, tf.matmul(vectors, table, transpose_b=True)
        )
        counted = tf.cast(labels > 0, tf.float32)
        return tf.reduce_sum(each * counted) / tf.reduce_sum(counted)

    loss = losses.GlobalSoftmax()
    for one, two in zip(
        gradients(lambda: loss(vectors, labels, table)),
        gradients(formula),
        strict=True,
    ):
        np.testing.assert_allclose(one, two, atol=1e-7)
        assert np.abs(two).max() > 1e-3


@pytest.mark.parametrize("number", losses.LOSSES)
def test_nothing_to_learn_costs_nothing(number):
    vectors, labels, table = example(6, 20)
    loss = losses.LOSSES[number].create(Training(num_sampled=4))
    assert float(loss(vectors, 0 * labels, table)) == 0.0


def test_batch_softmax_has_the_batchs_labels_as_negatives():
    vectors, labels, table = example(7, 20)
    counted = labels > 0
    labels, vectors = labels[counted], vectors[counted]
    each = cross_entropies(vectors @ table[labels].T, range(len(labels)))
    loss = losses.BatchSoftmax()
    assert float(loss(vectors, labels, table)) == pytest.approx(each.mean(), abs=1e-5)
    # Labels that do not count are no negatives.
    more = [np.concatenate([each, each[:2]]) for each in (vectors, labels)]
    more[1][-2:] = 0
    assert float(loss(*more, table)) == pytest.approx(each.mean(), abs=1e-5)


def test_samples_are_log_uniform():
    ids = np.asarray(log_uniform(keras.random.SeedGenerator(1), 200_000, 50))
    assert ids.min() == 1
    assert ids.max() == 49
    shares = np.bincount(ids, minlength=50)[1:] / len(ids)
    numbers = np.arange(1, 50)
    np.testing.assert_allclose(
        shares, np.log((numbers + 1) / numbers) / math.log(50), atol=0.004
    )


def test_sampled_softmax_stands_for_all_items():
    vectors, labels, table = example(40, 30)
    counted = labels > 0
    # Id 0 is never sampled.
    each = cross_entropies((vectors @ table.T)[:, 1:], labels - 1)
    keras.utils.set_random_seed(2)
    loss = losses.SampledSoftmax(20_000)(vectors, labels, table)
    assert float(loss) == pytest.approx(each[counted].mean(), rel=0.02)


def test_beta_of_gbce():
    # The paper's beta = alpha (t (1 - 1 / alpha) + 1 / alpha), alpha the share of the
    # other items that are sampled: 256 of 3416.
    assert gbce_beta(256, 3417, 0.0) == pytest.approx(1.0)
    assert gbce_beta(256, 3417, 1.0) == pytest.approx(256 / 3416)
    assert gbce_beta(256, 3417, 0.75) == pytest.approx(0.25 + 0.75 * 256 / 3416)
    assert gbce_beta(9999, 3417, 0.5) == 1.0


def test_gbce_is_its_formula():
    vectors, labels, table = example(9, 2)
    # One item besides id 0: every negative is the label, and is left out.
    loss = losses.Gbce(3, 0.5)(vectors, labels, table)
    similarity = (vectors @ table[1])[labels > 0]
    each = np.log1p(np.exp(-similarity.astype(np.float64)))
    assert float(loss) == pytest.approx(each.mean(), abs=1e-5)

    vectors, labels, table = example(500, 3)
    labels[:] = 1
    loss = losses.Gbce(2000, 0.0)(vectors, labels, table)
    own, other = (vectors @ table[[1, 2]].T).T.astype(np.float64)
    # About half of the negatives are item 2.
    expected = np.log1p(np.exp(-own)).mean() + 1000 * np.log1p(np.exp(other)).mean()
    assert float(loss) == pytest.approx(expected, rel=0.1)


def test_every_loss_has_a_class():
    assert set(losses.LOSSES) == set(pipeline_config_pb2.Loss.values())
