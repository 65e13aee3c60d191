"""SequenceTransform with an earlier model, whose ids are kept."""

from __future__ import annotations

import pathlib

import pytest
import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tfx.types import artifact_utils, channel_utils, standard_artifacts

from ondevice_rec.components.sequence_transform.component import SequenceTransform
from ondevice_rec.components.sequence_transform.executor import Executor
from ondevice_rec.pipelines.pipeline import LOCAL_BEAM_ARGS
from ondevice_rec.recommendation.export import assets, export
from ondevice_rec.recommendation.spec import hparams_from_proto
from ondevice_rec.schemas import input_spec_pb2, pipeline_config_pb2, timeline

SPEC = """
activity_feature_groups {
  features { feature_name: "context_item" embedding_dim: 4 feature_length: 3 SIZE }
  encoder_type: BOW
}
global_feature_groups {
  features { feature_name: "age" feature_type: INT embedding_dim: 4 feature_length: 1
             AGES }
  encoder_type: BOW
}
label_feature { feature_name: "label_item" embedding_dim: 4 SIZE }
"""
SCHEMA = "".join(
    f'feature {{ name: "{name}" type: {kind} }}\n'
    for name, kind in (
        ("user", "BYTES"), ("item", "BYTES"), ("timestamp", "INT"), ("target", "INT"),
        ("overlap", "INT"), ("age", "INT"),
    )
)  # fmt: skip


def input_spec(items=None, ages=None) -> input_spec_pb2.InputSpec:
    text = SPEC.replace("SIZE", f"vocab_size: {items}" if items else "")
    text = text.replace("AGES", f"vocab_size: {ages}" if ages else "")
    text = text.replace('"context_item"', '"context_item" column: "item"')
    text = text.replace('"label_item"', '"label_item" column: "item"')
    return text_format.Parse(text, input_spec_pb2.InputSpec())


def timeline_of(user: str, items: list[str], age: int) -> bytes:
    def ints(*values):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    def keys(*values):
        encoded = [value.encode() for value in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))

    features = {
        "user": keys(user), "item": keys(*items), "age": ints(age),
        "timestamp": ints(*range(len(items))), "overlap": ints(0),
        "target": ints(*[0] + [1] * (len(items) - 1)),
    }  # fmt: skip
    return tf.train.Example(
        features=tf.train.Features(feature=features)
    ).SerializeToString()


# Most frequent first: new 4, c 3, a 2, tiny 1.
TRAIN = [
    timeline_of("u1", ["new", "new", "c", "a", "tiny"], 30),
    timeline_of("u2", ["new", "new", "c", "c", "a"], 7),
]


def artifact(kind, folder: pathlib.Path):
    made = kind()
    made.uri = str(folder)
    return made


@pytest.fixture
def transform(tmp_path):
    def run(min_vocab_count, spec, earlier):
        examples = artifact(standard_artifacts.Examples, tmp_path / "examples")
        examples.split_names = artifact_utils.encode_split_names(list(timeline.SPLITS))
        for split in timeline.SPLITS:
            folder = tmp_path / "examples" / f"Split-{split}"
            folder.mkdir(parents=True)
            path = str(folder / "data_tfrecord-00000-of-00001.gz")
            with tf.io.TFRecordWriter(path, "GZIP") as writer:
                for row in TRAIN:
                    writer.write(row)
        schema = artifact(standard_artifacts.Schema, tmp_path / "schema")
        (tmp_path / "schema").mkdir()
        (tmp_path / "schema" / "schema.pbtxt").write_text(SCHEMA)
        base = artifact(standard_artifacts.Model, tmp_path / "model")
        keys = {column: ["[OOV]", *found] for column, found in earlier.items()}
        export.write_assets(
            str(tmp_path / "model" / "Format-Serving"),
            assets.ModelAssets(
                input_spec(len(keys["item"]), len(keys["age"])),
                hparams_from_proto(pipeline_config_pb2.HParams()),
                keys,
            ),
        )
        graph = artifact(standard_artifacts.TransformGraph, tmp_path / "graph")
        outputs = {
            "transform_graph": [graph],
            "transformed_examples": [
                artifact(standard_artifacts.Examples, tmp_path / "transformed")
            ],
        }
        component = SequenceTransform(
            examples=channel_utils.as_channel([examples]),
            schema=channel_utils.as_channel([schema]),
            input_spec=spec,
            min_vocab_count=min_vocab_count,
            base_model=channel_utils.as_channel([base]),
        )
        context = Executor.Context(
            beam_pipeline_args=list(LOCAL_BEAM_ARGS),
            tmp_dir=str(tmp_path / "tmp"),
            unique_id="1",
        )
        parameters = component.exec_properties.items()
        Executor(context).Do(
            {"examples": [examples], "schema": [schema], "base_model": [base]},
            outputs,
            {name: value for name, value in parameters if value is not None},
        )
        (file,) = (tmp_path / "transformed" / "Split-test").glob("*.gz")
        rows = [
            tf.train.Example.FromString(record).features.feature
            for record in tf.data.TFRecordDataset(str(file), "GZIP").as_numpy_iterator()
        ]
        return tft.TFTransformOutput(graph.uri), {
            row["user"].bytes_list.value[0]: row for row in rows
        }

    return run


def test_keys_that_survive_keep_their_ids(transform):
    earlier = {"item": ["a", "gone", "b", "c"], "age": ["99", "7"]}
    graph, rows = transform(2, input_spec(), earlier)
    # "tiny" is too rare; "new" has the place of "gone"; "b" keeps its place, as the
    # one behind it is still there.
    assert graph.vocabulary_by_name("item") == [b"a", b"new", b"b", b"c"]
    assert list(rows[b"u1"]["item"].int64_list.value) == [2, 2, 4, 1, 0]
    # Both occur once, which is too rare: 99 is gone, and TensorFlow wants a line.
    assert list(rows[b"u1"]["age"].int64_list.value) == [0]


def test_the_cap_holds(transform):
    earlier = {"item": ["gone", "tiny", "a"], "age": ["7"]}
    graph, rows = transform(1, input_spec(items=3), earlier)
    # Two keys: the most frequent; "a", at id 3 before, is not among them.
    assert graph.vocabulary_by_name("item") == [b"new", b"c"]
    assert list(rows[b"u2"]["item"].int64_list.value) == [1, 1, 2, 2, 0]
    assert graph.vocabulary_by_name("age") == [b"7", b"30"]
    assert list(rows[b"u1"]["age"].int64_list.value) == [2]
