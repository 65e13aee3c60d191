"""What cannot be trained on is said in words, before anything is trained."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ondevice_rec import recommendation
from ondevice_rec.recommendation import model_spec as ms
from ondevice_rec.recommendation import spec
from ondevice_rec.recommendation.task import fitting
from ondevice_rec.schemas.errors import UserError

Loader = recommendation.DataLoader


@pytest.fixture(autouse=True)
def never_trained(monkeypatch):
    """Fails a test in which the training starts."""

    def fit(*args, **kwargs):
        raise AssertionError("the training has started")

    monkeypatch.setattr(fitting, "fit", fit)


@pytest.fixture
def create(movie_spec, movie_hparams, tmp_path):
    """Trains a small model; `broken` changes the spec first."""

    def make(data=None, broken=None, hparams=None, model_dir=tmp_path, **arguments):
        input_spec = movie_spec(vocab_size=60)
        if broken is not None:
            broken(input_spec)
        model_spec = recommendation.ModelSpec(
            input_spec, movie_hparams(**(hparams or {}))
        )
        data = data if data is not None else examples()
        return recommendation.create(data, model_spec, str(model_dir), **arguments)

    return make


def examples(length=10, largest=50, count=50, name="context_movie_id", dtype="int32"):
    numbers = np.minimum(np.arange(1, count + 1), largest)[:, None].astype(dtype)
    features = {name: np.tile(numbers, (1, length))}
    label = numbers.astype("int32")
    dataset = tf.data.Dataset.from_tensor_slices((features, label))
    return Loader(dataset, count, {i: {"id": i} for i in range(1, 51)})


def test_good_input_gets_to_the_training(create):
    with pytest.raises(AssertionError, match="the training has started"):
        create()


def test_wrong_feature_length(create):
    with pytest.raises(UserError, match="has 7 values in `train_data`, but its `feat"):
        create(examples(length=7))


def test_wrong_feature_length_that_the_data_set_hides(create):
    data = examples(length=7)
    generator = tf.data.Dataset.from_generator(
        lambda: iter(data.dataset),
        output_signature=(
            {"context_movie_id": tf.TensorSpec([None], tf.int32)},
            tf.TensorSpec([1], tf.int32),
        ),
    )
    with pytest.raises(UserError, match="has 7 values in `train_data`"):
        create(Loader(generator, 50, data.vocab))


def test_batches_in_place_of_examples(create):
    data = Loader(examples().dataset.batch(5), 10, {1: {"id": 1}})
    with pytest.raises(UserError, match="Pass single examples, not batches"):
        create(data)


@pytest.mark.parametrize("largest", [60, 75])
def test_ids_outside_the_vocabulary(create, largest):
    with pytest.raises(UserError, match=f"from 0 to 59, received {largest}"):
        create(examples(largest=largest, count=80))


def test_ids_of_timelines_outside_the_vocabulary(
    create, shared_fake_movielens, movie_spec
):
    data = Loader.from_movielens(shared_fake_movielens, "train", movie_spec())
    with pytest.raises(UserError, match="must be from 0 to 59, received 100"):
        create(data)


def test_a_vocabulary_larger_than_the_models(create, shared_fake_movielens, movie_spec):
    data = Loader.from_movielens(shared_fake_movielens, "train", movie_spec())

    def large(found):
        for feature in (
            found.label_feature,
            found.activity_feature_groups[0].features[0],
        ):
            feature.vocab_size = 500

    with pytest.raises(UserError, match="must be 1000, as the data's vocabulary has"):
        create(data, large)


def test_validation_data_are_checked_too(create):
    with pytest.raises(UserError, match="in `validation_data`"):
        create(validation_data=examples(length=7))


def test_a_feature_that_the_data_lack(create):
    with pytest.raises(UserError, match="no `context_movie_id`; it has another"):
        create(examples(name="another"))


def test_numbers_in_place_of_ids(create):
    with pytest.raises(UserError, match="must hold ids, received float32"):
        create(examples(dtype="float32"))


def test_label_absent_from_the_spec(create):
    with pytest.raises(UserError, match="`label_feature` must name the item"):
        create(broken=lambda found: found.ClearField("label_feature"))


def test_label_that_the_data_do_not_have(create, shared_fake_movielens, movie_spec):
    data = Loader.from_movielens(shared_fake_movielens, "train", movie_spec())

    def renamed(found):
        found.label_feature.feature_name = "label_book_id"

    with pytest.raises(UserError, match="`train_data` has no `label_book_id`"):
        create(data, renamed)


def test_missing_vocabulary(create):
    def unknown(found):
        found.label_feature.ClearField("vocab_size")

    with pytest.raises(UserError, match="`vocab_size` of `label_movie_id` must be"):
        create(broken=unknown)


def test_unknown_encoder(create, movie_spec):
    with pytest.raises(ValueError, match="GPT"):
        movie_spec("GPT")


@pytest.mark.parametrize("kernel", [20, 100])
def test_a_kernel_that_would_mostly_meet_padding(create, kernel):
    def convolution(found):
        group = found.activity_feature_groups[0]
        group.encoder_type = spec.EncoderType.Value("CNN")

    with pytest.raises(UserError, match="`conv_kernel_size` must be from 1 to 10"):
        create(broken=convolution, hparams={"conv_kernel_size": kernel})


def test_num_predictions_above_the_vocabulary(create):
    with pytest.raises(UserError, match="`num_predictions` must be <= 59"):
        create(hparams={"num_predictions": 60})


def test_empty_data(create):
    empty = Loader(examples().dataset.take(0), 0, {1: {"id": 1}})
    with pytest.raises(UserError, match="`train_data` must have an example"):
        create(empty)
    # A data set that only says that it has some.
    empty = Loader(examples().dataset.take(0), 5, {1: {"id": 1}})
    with pytest.raises(UserError, match="`train_data` must have an example"):
        create(empty)


def test_a_folder_that_cannot_be_written(create, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written to"):
        create(model_dir=tmp_path / "file" / "model")
    task = create(do_train=False)
    with pytest.raises(UserError, match="cannot be written to"):
        task.export(str(tmp_path / "file" / "export"))


def test_another_model_spec():
    with pytest.raises(UserError, match=r"must be a `recommendation\.ModelSpec`"):
        recommendation.Recommendation("bow", "/tmp/model")
    with pytest.raises(UserError, match="must be one of recommendation, received 'be"):
        ms.get("bert", input_spec=None, model_hparams=None)
    with pytest.raises(UserError, match="`input_spec` must be a `recommendation"):
        recommendation.ModelSpec({}, None)


def test_what_is_no_loader(create):
    with pytest.raises(UserError, match="`train_data` must be a `recommendation"):
        create([1, 2, 3])


@pytest.mark.parametrize("name", ["VOCAB", "TFJS", "onnx"])
def test_unknown_export_format(create, tmp_path, name):
    task = create(do_train=False)
    with pytest.raises(UserError, match="must be of LABEL, TFLITE, SAVED_MODEL"):
        task.export(str(tmp_path / "export"), export_format=name)
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"learning_rate": 0.0}, "`learning_rate` must be > 0"),
        ({"optimizer": "lion"}, "`optimizer` must be one of adam, adagrad"),
        ({"loss": "hinge"}, "`loss` must be one of global_softmax"),
        ({"batch_size": 0}, "`batch_size` must be >= 1"),
        ({"steps_per_epoch": 0}, "`steps_per_epoch` must be >= 1"),
        ({"epochs": 0}, "`epochs` must be >= 1"),
    ],
)
def test_settings_out_of_range(create, arguments, words):
    with pytest.raises(UserError, match=words):
        create(**arguments)


def test_what_needs_a_model_says_so(movie_spec, movie_hparams, tmp_path):
    model_spec = recommendation.ModelSpec(movie_spec(), movie_hparams())
    task = recommendation.Recommendation(model_spec, str(tmp_path))
    for use in (task.summary, task.create_serving_model):
        with pytest.raises(UserError, match="There is no model yet"):
            use()
    with pytest.raises(UserError, match="There is no model yet"):
        task.export(str(tmp_path))
    with pytest.raises(UserError, match="No checkpoint in"):
        task.load_checkpoint()
    task.create_model()
    with pytest.raises(UserError, match="mean nothing without a vocabulary"):
        task.recommend(["1"])
    with pytest.raises(UserError, match=r"absent\.tflite cannot be run"):
        task.evaluate_tflite(str(tmp_path / "absent.tflite"), examples())
