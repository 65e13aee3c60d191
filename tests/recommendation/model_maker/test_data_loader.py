"""What `DataLoader` gives to training and measuring."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
import tensorflow as tf

from ondevice_rec import recommendation
from ondevice_rec.recommendation.feed.timelines import Timelines
from ondevice_rec.schemas.errors import UserError

Loader = recommendation.DataLoader


@pytest.fixture(scope="module")
def test_loader(shared_fake_movielens, movie_spec):
    return Loader.from_movielens(shared_fake_movielens, "test", movie_spec())


@pytest.fixture
def seven(movie_spec):
    """Users a and b have items 1 to 5 and 11 to 14; every context is an example."""
    items = np.array([1, 2, 3, 4, 5, 11, 12, 13, 14])
    timelines = Timelines(
        users=[b"a", b"b"],
        row_splits=np.array([0, 5, 9]),
        timestamp=np.arange(9),
        target=np.ones(9, np.int64),
        columns={"movie_id": items},
    )
    vocab = {int(item): {"id": int(item)} for item in items}
    return Loader(timelines, 7, vocab, input_spec=movie_spec(vocab_size=20))


def labels(batches: tf.data.Dataset) -> list[list[int]]:
    return [np.asarray(label)[:, 0].tolist() for _, label in batches]


def own_examples(count: int, **changes):
    """A data set as a user of the original makes one."""
    numbers = np.arange(1, count + 1)
    columns = {
        "context_movie_id": np.tile(numbers[:, None] % 900 + 1, (1, 10)).astype("i4"),
        "label_movie_id": (numbers[:, None] % 900 + 1).astype("i4"),
        **changes,
    }
    return tf.data.Dataset.from_tensor_slices((columns, columns["label_movie_id"]))


VOCAB = OrderedDict((i, {"id": i, "title": f"t{i}"}) for i in range(1, 901))


def test_batches_have_the_original_types_and_shapes(test_loader):
    batches = test_loader.gen_dataset(5, is_training=False)
    assert isinstance(batches, tf.data.Dataset)
    features, label = next(iter(batches))
    for key, shape in (("context_movie_id", [5, 10]), ("label_movie_id", [5, 1])):
        assert features[key].shape.as_list() == shape
        assert features[key].dtype == tf.int32
    assert label.shape.as_list() == [5, 1]
    assert label.dtype == tf.int32
    np.testing.assert_array_equal(label, features["label_movie_id"])


def test_measuring_gives_every_example_once_in_order(seven):
    assert labels(seven.gen_dataset(3)) == [[2, 3, 4], [5, 12, 13]]
    assert labels(seven.gen_dataset(3, drop_remainder=False))[-1] == [14]
    assert labels(seven.gen_dataset(2, total_steps=2)) == [[2, 3], [4, 5]]
    assert labels(seven.batches(4)) == [[2, 3, 4, 5], [12, 13, 14]]


def test_the_context_is_what_came_before_padded_at_the_end(seven):
    features, _ = next(iter(seven.gen_dataset(7)))
    assert (
        np.asarray(features["context_movie_id"])[3].tolist() == [1, 2, 3, 4] + [0] * 6
    )
    assert np.asarray(features["context_movie_id"])[4].tolist() == [11] + [0] * 9


@pytest.mark.parametrize("batch_size", [2, 3, 7, 20])
def test_training_gives_whole_batches_without_an_end(seven, batch_size):
    batches = labels(
        seven.gen_dataset(
            batch_size, is_training=True, shuffle=True, total_steps=40, seed=1
        )
    )
    assert [len(batch) for batch in batches] == [batch_size] * 40
    assert {label for batch in batches for label in batch} == {2, 3, 4, 5, 12, 13, 14}


def test_shuffling_goes_over_all_users_anew_in_each_pass(seven):
    def passes(seed):
        batches = labels(
            seven.gen_dataset(7, is_training=True, shuffle=True, seed=seed).take(3)
        )
        assert all(sorted(one) == [2, 3, 4, 5, 12, 13, 14] for one in batches)
        return batches

    assert passes(1) == passes(1) != passes(2)
    assert len({tuple(one) for one in passes(1)}) == 3


def test_training_without_shuffling_keeps_the_order(seven):
    batches = labels(seven.gen_dataset(7, is_training=True).take(2))
    assert batches == [[2, 3, 4, 5, 12, 13, 14]] * 2


def test_preprocess_sees_single_examples(seven):
    def preprocess(features, label, is_training):
        return {"twice": 2 * label, "training": is_training}, label

    (features, _) = next(iter(seven.gen_dataset(2, preprocess=preprocess)))
    assert np.asarray(features["twice"]).tolist() == [[4], [6]]
    assert not np.asarray(features["training"]).any()


def test_workers_share_the_examples(seven):
    shares = [
        labels(
            seven.gen_dataset(
                1,
                input_pipeline_context=tf.distribute.InputContext(
                    num_input_pipelines=2, input_pipeline_id=worker
                ),
            )
        )
        for worker in (0, 1)
    ]
    assert shares == [[[2], [4], [12], [14]], [[3], [5], [13]]]


def test_split_divides_by_the_fraction(test_loader):
    first, second = test_loader.split(0.1)
    assert (len(first), len(second)) == (49, 446)
    assert len(labels(first.gen_dataset(1))) == 49
    assert len(labels(second.gen_dataset(1))) == 446
    assert first.vocab == test_loader.vocab


def test_split_keeps_users_apart_but_for_one(seven):
    first, second = seven.split(0.6)
    found = labels(first.batches(10))[0], labels(second.batches(10))[0]
    assert sorted(found[0] + found[1]) == [2, 3, 4, 5, 12, 13, 14]
    # Four examples: a's, or b's three and a's first.
    assert found[0] in ([2, 3, 4, 5], [2, 12, 13, 14])


def test_a_data_set_of_ones_own():
    loader = Loader(own_examples(50), 50, VOCAB)
    assert loader.max_vocab_id == 900
    features, label = next(iter(loader.gen_dataset(4)))
    assert features["context_movie_id"].shape == [4, 10]
    assert np.asarray(label)[:, 0].tolist() == [2, 3, 4, 5]
    assert len(labels(loader.gen_dataset(4))) == 12
    assert len(labels(loader.gen_dataset(16, is_training=True).take(10))) == 10
    first, second = loader.split(0.5)
    assert labels(first.gen_dataset(25)) == [list(range(2, 27))]
    assert labels(second.gen_dataset(25)) == [list(range(27, 52))]


def test_a_data_set_may_tell_its_size():
    assert len(Loader(own_examples(50), None, VOCAB)) == 50
    with pytest.raises(UserError, match="Pass it as `size`"):
        Loader(own_examples(50).filter(lambda *_: True), None, VOCAB)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Loader(own_examples(1), 1, [1]), "`vocab` must be a dict"),
        (lambda: Loader(own_examples(1), 1, {}), "`vocab` must have an item"),
        (lambda: Loader([1], 1, VOCAB), "must be a tf.data.Dataset or Timelines"),
        (lambda: Loader(own_examples(1), 1, VOCAB).split(1.0), "`fraction` must be"),
        (lambda: Loader(own_examples(1), 1, VOCAB).gen_dataset(0), "`batch_size`"),
        (
            lambda: Loader(own_examples(1).take(0), 0, VOCAB).gen_dataset(1),
            "must have an example, received none",
        ),
    ],
)
def test_what_is_no_data(make, words):
    with pytest.raises(ValueError, match=words):
        make()
