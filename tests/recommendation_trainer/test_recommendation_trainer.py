"""RecommendationTrainer behind SequenceTransform under TFX's local runner."""

from __future__ import annotations

import json
from pathlib import Path

import ml_metadata as mlmd
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tfx import types
from tfx import v1 as tfx

from ondevice_rec.components.recommendation_trainer.component import (
    RecommendationTrainer,
)
from ondevice_rec.components.recommendation_trainer.settings_tuner import (
    settings_tuner,
)
from ondevice_rec.components.sequence_transform.component import SequenceTransform
from ondevice_rec.pipelines.pipeline import LOCAL_BEAM_ARGS
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.export.items import OOV_KEY
from ondevice_rec.schemas import input_spec_pb2, pipeline_config_pb2, timeline
from ondevice_rec.schemas.errors import UserError

SPEC = """
activity_feature_groups { features { feature_name: "context_item" feature_type: STRING
  embedding_dim: 4 feature_length: 3 } encoder_type: BOW }
label_feature { feature_name: "label_item" feature_type: STRING embedding_dim: 4 }
"""
SCHEMA = """
feature { name: "user" type: BYTES }
feature { name: "item" type: BYTES }
feature { name: "timestamp" type: INT }
feature { name: "target" type: INT }
feature { name: "overlap" type: INT }
"""


def write_timelines(folder: Path) -> None:
    """20 users of 6 events on 8 items; the last is validation, all before it train."""
    ints = lambda values: tf.train.Feature(int64_list=tf.train.Int64List(value=values))  # noqa: E731
    keys = lambda values: tf.train.Feature(bytes_list=tf.train.BytesList(value=values))  # noqa: E731
    rng = np.random.default_rng(0)
    timelines = [[b"item %d" % i for i in rng.integers(0, 8, 6)] for _ in range(20)]
    for split, length in {"train": 5, "validation": 6, "test": 6}.items():
        path = folder / f"Split-{split}" / "data-00000-of-00001.gz"
        path.parent.mkdir(parents=True)
        last = [1] * 5 if split == "train" else [0] * 5 + [1]
        with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
            for user, items in enumerate(timelines):
                features = {
                    "user": keys([b"user %d" % user]),
                    "item": keys(items[:length]),
                    "timestamp": ints(range(length)),
                    "target": ints(last),
                    "overlap": ints([0]),
                }
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())


def run(root: Path, lstm_num_units: int, tuning: str = "") -> None:
    """Transforms, searches if asked to, and trains with LocalDagRunner."""
    examples = tfx.dsl.Importer(
        source_uri=str(root / "examples"),
        artifact_type=tfx.types.standard_artifacts.Examples,
        properties={"split_names": json.dumps(list(timeline.SPLITS))},
    ).with_id("examples")
    schema = tfx.dsl.Importer(
        source_uri=str(root / "schema"),
        artifact_type=tfx.types.standard_artifacts.Schema,
    ).with_id("schema")
    spec = text_format.Parse(SPEC, input_spec_pb2.InputSpec())
    transform = SequenceTransform(
        examples=examples.outputs["result"],
        schema=schema.outputs["result"],
        input_spec=spec,
    )
    hparams = pipeline_config_pb2.HParams(
        lstm_num_units=lstm_num_units, num_predictions=5
    )
    training = pipeline_config_pb2.Training(epochs=2, batch_size=16)
    tuner = tuning and settings_tuner(
        transform.outputs["transformed_examples"],
        transform.outputs["transform_graph"],
        spec,
        hparams,
        training,
        text_format.Parse(tuning, pipeline_config_pb2.Tuning()),
    )
    trainer = RecommendationTrainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        input_spec=spec,
        hparams=hparams,
        training=training,
        hyperparameters=(tuner and tuner.outputs["best_hyperparameters"]) or None,
    )
    tfx.orchestration.LocalDagRunner().run(
        tfx.dsl.Pipeline(
            pipeline_name="test",
            pipeline_root=str(root / "out"),
            components=[
                examples,
                schema,
                transform,
                *([tuner] if tuner else []),
                trainer,
            ],
            enable_cache=True,
            metadata_connection_config=connection(root),
            beam_pipeline_args=list(LOCAL_BEAM_ARGS),
        )
    )


def connection(root: Path):
    return tfx.orchestration.metadata.sqlite_metadata_connection_config(
        str(root / "metadata.db")
    )


def models(root: Path) -> list:
    return mlmd.MetadataStore(connection(root)).get_artifacts_by_type("Model")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("trainer")
    write_timelines(root / "examples")
    (root / "schema").mkdir()
    (root / "schema" / "schema.pbtxt").write_text(SCHEMA)
    run(root, lstm_num_units=4)
    return root


def test_the_model_is_a_saved_model_of_the_vocabularys_size(root):
    [model] = models(root)
    folder = f"{model.uri}/Format-Serving"
    assets = export.load_assets(folder)
    assert assets.input_spec.label_feature.vocab_size == 9
    assert assets.vocabularies["item"][0] == OOV_KEY
    assert sorted(assets.vocabularies["item"][1:]) == [f"item {i}" for i in range(8)]
    serve = tf.saved_model.load(folder).signatures[export.SERVING]
    ids = serve(context_item=tf.constant([1, 2, 0]))["top_prediction_ids"].numpy()
    assert len(set(ids)) == 5
    assert set(ids) <= set(range(1, 9))


def test_the_model_says_how_it_came_about(root):
    [model] = models(root)
    properties = model.custom_properties
    assert properties["epochs"].int_value == 2
    # 20 timelines of 5 events, the first of which has nothing before it.
    assert properties["examples"].int_value == 80
    assert properties["steps"].int_value == 2 * 5
    recall = properties["best_validation_recall"].double_value
    [run_folder] = Path(root, "out", "RecommendationTrainer", "model_run").iterdir()
    report = json.loads((run_folder / "training.json").read_text())
    assert recall == report["best_validation_recall"]
    assert len(report["history"]["val_recall@10"]) == 2
    assert list(run_folder.rglob("events.out.tfevents*"))


def test_a_changed_hyper_parameter_trains_anew_and_the_same_do_not(root):
    run(root, lstm_num_units=4)
    assert len(models(root)) == 1
    run(root, lstm_num_units=5)
    assert len(models(root)) == 2


def test_an_impossible_model_is_refused_when_the_pipeline_is_made():
    examples = types.Channel(type=tfx.types.standard_artifacts.Examples)
    graph = types.Channel(type=tfx.types.standard_artifacts.TransformGraph)
    spec = text_format.Parse(SPEC, input_spec_pb2.InputSpec())
    spec.activity_feature_groups[0].features[0].feature_length = 0
    with pytest.raises(UserError, match="`feature_length` of `context_item` must be"):
        RecommendationTrainer(examples, graph, spec)


def test_the_model_is_trained_with_what_the_search_found(root):
    # Of the two rates only one can move the weights.
    choices = """choices { setting: "training.learning_rate" values: 1e-9 values: 0.05 }
        choices { setting: "training.epochs" values: 3 } minutes: 5 max_trials: 6"""
    run(root, 16, choices)
    model = max(models(root), key=lambda model: model.id)
    tuned = json.loads(model.custom_properties["tuned"].string_value)
    assert set(tuned) == {"training.learning_rate", "training.epochs"}
    (found,) = (root / "out" / "Tuner" / "tuner_results").glob("*/tuner_results.json")
    trials = json.loads(found.read_text())
    # Of 3 rates (with the one set) and 2 numbers of epochs, every pair.
    assert len(trials) == 6
    best = max(trials, key=lambda trial: trial["score"])
    assert {name: best[name] for name in tuned} == tuned
    assert model.custom_properties["epochs"].int_value <= tuned["training.epochs"]
