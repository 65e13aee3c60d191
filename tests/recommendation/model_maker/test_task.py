"""What the `Recommendation` task does: train, measure, export, recommend."""

from __future__ import annotations

import logging
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from ondevice_rec import recommendation
from ondevice_rec.recommendation import model_spec as ms
from ondevice_rec.recommendation.config import ExportFormat, QuantizationConfig
from ondevice_rec.recommendation.recommender import Recommender
from ondevice_rec.recommendation.spec import EncoderType

Loader = recommendation.DataLoader

METRICS = [
    "Global_Recall/Recall_1",
    "Global_Recall/Recall_5",
    "global_mean_rank",
    "Batch_Recall/Recall_1",
    "Batch_Recall/Recall_5",
    "batch_mean_rank",
]


@pytest.fixture(scope="module")
def data(shared_fake_movielens, movie_spec):
    return [
        Loader.from_movielens(shared_fake_movielens, tag, movie_spec())
        for tag in ("train", "test")
    ]


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("model")


@pytest.fixture(scope="module")
def linear(movie_spec, movie_hparams):
    """A spec whose model learns the fake data."""
    return ms.get(
        "recommendation",
        input_spec=movie_spec(),
        model_hparams=movie_hparams(projection_activation="linear"),
    )


@pytest.fixture(scope="module")
def trained(data, linear, model_dir):
    train, test = data
    return recommendation.create(
        train,
        model_spec=linear,
        model_dir=str(model_dir),
        validation_data=test,
        batch_size=32,
        # So many are compiled.
        steps_per_epoch=500,
        epochs=2,
        learning_rate=0.01,
        optimizer="adam",
        seed=1,
    )


@pytest.fixture(scope="module")
def exported(trained, model_dir):
    folder = model_dir / "export"
    trained.export(
        str(folder),
        export_format=[
            ExportFormat.TFLITE,
            ExportFormat.SAVED_MODEL,
            ExportFormat.LABEL,
        ],
    )
    return folder


def test_the_documented_signatures():
    def parameters(function):
        found = function.__code__
        return found.co_varnames[: found.co_argcount], function.__defaults__

    assert parameters(recommendation.Recommendation.__init__) == (
        (
            "self",
            "model_spec",
            "model_dir",
            "shuffle",
            "learning_rate",
            "gradient_clip_norm",
        ),
        (True, 0.1, 1.0),
    )
    assert parameters(recommendation.Recommendation.create.__func__) == (
        (
            "cls",
            "train_data",
            "model_spec",
            "model_dir",
            "validation_data",
            "batch_size",
            "steps_per_epoch",
            "epochs",
            "learning_rate",
            "gradient_clip_norm",
            "shuffle",
            "do_train",
        ),
        (None, None, 16, 10000, 1, 0.1, 1.0, True, True),
    )
    assert parameters(recommendation.Recommendation.train) == (
        (
            "self",
            "train_data",
            "validation_data",
            "batch_size",
            "steps_per_epoch",
            "epochs",
        ),
        (None, 16, 100, 1),
    )
    assert parameters(recommendation.Recommendation.evaluate) == (
        ("self", "data", "batch_size"),
        (10,),
    )
    assert parameters(recommendation.Recommendation.export) == (
        (
            "self",
            "export_dir",
            "tflite_filename",
            "label_filename",
            "vocab_filename",
            "saved_model_filename",
            "tfjs_folder_name",
            "export_format",
        ),
        ("model.tflite", "labels.txt", "vocab.txt", "saved_model", "tfjs", None),
    )
    task = recommendation.Recommendation
    assert task.OOV_ID == 0
    assert task.DEFAULT_EXPORT_FORMAT == (ExportFormat.TFLITE,)
    assert task.ALLOWED_EXPORT_FORMAT == (
        ExportFormat.LABEL,
        ExportFormat.TFLITE,
        ExportFormat.SAVED_MODEL,
    )


@pytest.mark.parametrize("encoder", ["BOW", "CNN", "LSTM"])
def test_create_with_each_encoder(data, movie_spec, movie_hparams, tmp_path, encoder):
    model_spec = ms.get(
        "recommendation", input_spec=movie_spec(encoder), model_hparams=movie_hparams()
    )
    task = recommendation.create(
        data[0], model_spec, model_dir=str(tmp_path), steps_per_epoch=1
    )
    assert isinstance(task.model, keras.Model)
    assert task.input_spec == movie_spec(encoder)
    assert task.model_hparams == movie_hparams()


def test_history_and_evaluation_have_the_original_names_and_order(trained, data):
    measured = trained.evaluate(data[1])
    assert isinstance(measured, list)
    assert len(measured) == 1 + len(METRICS)
    loss, recall_1, recall_5, rank, *_ = measured
    # Trained on this: the next movie is the next number.
    assert recall_5 > 0.9
    assert 0 < recall_1 <= recall_5
    assert rank < 5
    assert 0 < loss < 3


def test_training_tells_its_history(data, linear, tmp_path):
    task = recommendation.Recommendation(linear, str(tmp_path))
    history = task.train(*data, batch_size=64, steps_per_epoch=20, epochs=2).history
    assert set(history) == {
        *("loss", *METRICS),
        *("val_loss", *(f"val_{name}" for name in METRICS)),
    }
    assert all(len(values) == 2 for values in history.values())
    assert sorted(os.listdir(tmp_path)) == [
        "ckpt-20.weights.h5",
        "ckpt-40.weights.h5",
        "summaries",
    ]
    assert sorted(os.listdir(tmp_path / "summaries")) == ["train", "validation"]


def test_the_newest_checkpoint_has_the_last_weights(trained, linear, model_dir):
    again = recommendation.Recommendation(linear, str(model_dir))
    assert again.load_checkpoint().endswith("ckpt-1000.weights.h5")
    for loaded, expected in zip(
        again.model.get_weights(), trained.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(loaded, expected)


def test_a_seed_makes_training_repeatable_also_without_clipping(data, linear, tmp_path):
    def weights():
        task = recommendation.create(
            data[0],
            linear,
            str(tmp_path),
            steps_per_epoch=2,
            gradient_clip_norm=-1,
            seed=5,
        )
        return task.model.get_weights()

    for one, other in zip(weights(), weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_tflite_recalls_what_the_model_recalls(trained, exported, data):
    found = trained.evaluate_tflite(str(exported / "model.tflite"), data[1])
    _, recall_1, recall_5, *_ = trained.evaluate(data[1])
    # Of the model id 0 is a candidate, of recommendations it is none.
    assert found["Global_Recall/Recall_1"] == pytest.approx(recall_1, abs=0.01)
    assert found["Global_Recall/Recall_5"] == pytest.approx(recall_5, abs=0.01)
    assert list(found) == ["Global_Recall/Recall_1", "Global_Recall/Recall_5"]


def test_exported_files(exported):
    assert sorted(os.listdir(exported)) == ["labels.txt", "model.tflite", "saved_model"]
    labels = (exported / "labels.txt").read_text().split("\n")
    # Line 100 is id 100's; ids that no movie has keep their line.
    assert labels[:2] == ["[OOV]", "title1"]
    assert labels[100] == "title100"
    assert labels[999] == "title999"
    assert len(labels) == 1000 + 1
    loaded = tf.saved_model.load(str(exported / "saved_model"))
    assert "serving_default" in loaded.signatures


def test_all_forms_of_the_model_recommend_the_same(trained, exported):
    history = [str(number) for number in range(40, 50)]
    found = trained.recommend(history, 3)
    assert "50" in [item.key for item in found]
    assert found[0].title == f"title{found[0].key}"
    for other in (
        Recommender.from_tflite(exported / "model.tflite"),
        Recommender.from_saved_model(exported / "saved_model"),
    ):
        assert [item.key for item in other.recommend(history, 3)] == [
            item.key for item in found
        ]


def test_export_quantized_and_under_another_name(trained, exported, data, tmp_path):
    config = QuantizationConfig.for_dynamic()
    trained.export(
        str(tmp_path / "new"),
        tflite_filename="small.tflite",
        quantization_config=config,
    )
    assert os.listdir(tmp_path / "new") == ["small.tflite"]
    config = QuantizationConfig.for_int8(data[1], quantization_steps=10)
    trained.export(str(tmp_path / "int8"), quantization_config=config)
    sizes = [
        os.path.getsize(path)
        for path in (
            tmp_path / "int8" / "model.tflite",
            exported / "model.tflite",
        )
    ]
    assert sizes[0] < sizes[1]


def test_unknown_export_arguments_are_said(trained, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        trained.export(str(tmp_path), export_format="LABEL", colour="red")
    assert "unknown parameters: {'colour': 'red'}" in caplog.text
    assert os.listdir(tmp_path) == ["labels.txt"]


def test_summary_and_serving_model(trained, capsys):
    trained.summary()
    assert "proj_layer" in capsys.readouterr().out
    assert trained.create_serving_model() is trained.model


def test_without_training_the_task_exports_too(data, linear, tmp_path):
    task = recommendation.create(data[0], linear, str(tmp_path), do_train=False)
    task.export(str(tmp_path))
    assert os.listdir(tmp_path) == ["model.tflite"]
    assert len(task.recommend(["1"], 2)) == 2


def test_examples_of_ones_own_train_too(movie_spec, movie_hparams, tmp_path):
    numbers = np.arange(1, 51, dtype=np.int32)[:, None]
    features = {
        "context_movie_id": np.tile(numbers, (1, 10)),
        "label_movie_id": numbers,
    }
    dataset = tf.data.Dataset.from_tensor_slices((features, numbers))
    loader = Loader(dataset, 50, {i: {"id": i, "title": f"t{i}"} for i in range(1, 51)})
    task = recommendation.create(
        loader,
        recommendation.ModelSpec(movie_spec(vocab_size=60), movie_hparams()),
        str(tmp_path),
        batch_size=20,
        steps_per_epoch=5,
    )
    assert len(task.evaluate(loader, batch_size=20)) == 7
    task.export(str(tmp_path))
    found = Recommender.from_tflite(tmp_path / "model.tflite").recommend(["7"])
    assert all(item.title in (f"t{item.key}", item.key) for item in found)


def test_a_log_trains_a_gru_on_whole_timelines(log_spec, movie_hparams, tmp_path):
    log = {f"u{u}": [f"i{(u + j) % 20}" for j in range(12)] for u in range(40)}
    spec = log_spec(length=8)
    spec.activity_feature_groups[0].encoder_type = EncoderType.Value("GRU")
    train, validation, test = Loader.from_timelines(log, spec)
    task = recommendation.Recommendation(
        recommendation.ModelSpec(
            train.input_spec,
            movie_hparams(
                gru_num_units=16,
                hidden_layer_dims=[],
                projection_activation="linear",
            ),
        ),
        str(tmp_path),
        learning_rate=0.02,
        optimizer="adam",
        seed=1,
    )
    history = task.train(train, validation, batch_size=40, steps_per_epoch=100).history
    # Every position has a label, so there are no metrics of examples but validation's.
    assert set(history) == {"loss", "val_loss", *(f"val_{name}" for name in METRICS)}
    assert task.evaluate(test)[2] > 0.8
    assert task.recommend(["i3", "i4", "i5"], 1)[0].key == "i6"
