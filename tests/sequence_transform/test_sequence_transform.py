"""SequenceTransform over literal timelines: rows in, ids out."""

from __future__ import annotations

import pathlib

import pytest
import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, channel_utils, standard_artifacts

from ondevice_rec.components.sequence_transform import executor
from ondevice_rec.components.sequence_transform.component import SequenceTransform
from ondevice_rec.pipelines.pipeline import LOCAL_BEAM_ARGS
from ondevice_rec.schemas import input_spec_pb2, timeline

SPEC = """
activity_feature_groups {
  features { feature_name: "context_item" feature_type: STRING
             embedding_dim: 4 feature_length: 3 }
  features { feature_name: "price" feature_type: FLOAT feature_length: 3 }
  encoder_type: BOW
}
activity_feature_groups {
  features { feature_name: "context_genres" feature_type: STRING
             embedding_dim: 4 feature_length: 8 }
  encoder_type: BOW
}
global_feature_groups {
  features { feature_name: "age" feature_type: INT
             embedding_dim: 4 feature_length: 1 }
  encoder_type: BOW
}
label_feature { feature_name: "label_item" feature_type: STRING embedding_dim: 4 }
"""
SCHEMA = """
feature { name: "user" type: BYTES }
feature { name: "item" type: BYTES }
feature { name: "timestamp" type: INT }
feature { name: "target" type: INT }
feature { name: "overlap" type: INT }
feature { name: "price" type: FLOAT }
feature { name: "genres" type: BYTES }
feature { name: "genres_lengths" type: INT }
feature { name: "age" type: INT }
"""


def example(**columns: list) -> bytes:
    """A serialized Example from lists of str, int or float."""
    features = {}
    for name, values in columns.items():
        if values and isinstance(values[0], str):
            encoded = [value.encode() for value in values]
            feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))
        elif values and isinstance(values[0], float):
            feature = tf.train.Feature(float_list=tf.train.FloatList(value=values))
        else:
            feature = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        features[name] = feature
    return tf.train.Example(
        features=tf.train.Features(feature=features)
    ).SerializeToString()


TRAIN = [
    # Two segments of one timeline: "b" is repeated for context.
    example(
        user=["u1"], item=["a", "b"], timestamp=[1, 2], target=[0, 1], overlap=[0],
        price=[1.5, 2.5], genres=["x", "y", "x"], genres_lengths=[2, 1], age=[30],
    ),
    example(
        user=["u1"], item=["b", "c"], timestamp=[2, 3], target=[0, 1], overlap=[1],
        price=[2.5, 0.0], genres=["x"], genres_lengths=[1, 0], age=[30],
    ),
    example(
        user=["u2"], item=["c", "a"], timestamp=[5, 6], target=[0, 1], overlap=[0],
        price=[0.5, 1.5], genres=["x", "x"], genres_lengths=[1, 1], age=[7],
    ),
    example(
        user=["u3"], item=["c"], timestamp=[5], target=[0], overlap=[0],
        price=[0.5], genres=["x"], genres_lengths=[1], age=[7],
    ),
]  # fmt: skip
TEST = [
    example(
        user=["u9"], item=["new", "a"], timestamp=[8, 9], target=[0, 1], overlap=[0],
        price=[9.0, 1.5], genres=["z", "y"], genres_lengths=[1, 1], age=[99],
    ),
]  # fmt: skip


def transform(root: pathlib.Path, **arguments: int) -> tuple[str, str]:
    """Runs the component's executor; gives the URIs of the graph and the examples."""
    examples = standard_artifacts.Examples()
    examples.uri = str(root / "examples")
    examples.split_names = artifact_utils.encode_split_names(list(timeline.SPLITS))
    for split, rows in {"train": TRAIN, "validation": TEST, "test": TEST}.items():
        folder = root / "examples" / f"Split-{split}"
        folder.mkdir(parents=True)
        path = str(folder / "data_tfrecord-00000-of-00001.gz")
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            for row in rows:
                writer.write(row)
    schema = standard_artifacts.Schema()
    schema.uri = str(root / "schema")
    fileio.makedirs(schema.uri)
    message = text_format.Parse(SCHEMA, schema_pb2.Schema())
    (root / "schema" / "schema.pbtxt").write_text(text_format.MessageToString(message))
    graph = standard_artifacts.TransformGraph()
    graph.uri = str(root / "graph")
    transformed = standard_artifacts.Examples()
    transformed.uri = str(root / "transformed")
    component = SequenceTransform(
        examples=channel_utils.as_channel([examples]),
        schema=channel_utils.as_channel([schema]),
        input_spec=text_format.Parse(SPEC, input_spec_pb2.InputSpec()),
        **arguments,
    )
    executor.Executor(
        executor.Executor.Context(
            beam_pipeline_args=list(LOCAL_BEAM_ARGS),
            tmp_dir=str(root / "tmp"),
            unique_id="1",
        )
    ).Do(
        {"examples": [examples], "schema": [schema]},
        {"transform_graph": [graph], "transformed_examples": [transformed]},
        {
            key: value
            for key, value in component.exec_properties.items()
            if value is not None
        },
    )
    return graph.uri, transformed.uri


def rows(uri: str, split: str) -> list[dict[str, list]]:
    """The transformed rows of a split, by user and first timestamp."""
    found = []
    for path in sorted(pathlib.Path(uri, f"Split-{split}").iterdir()):
        for record in tf.data.TFRecordDataset(str(path), "GZIP").as_numpy_iterator():
            features = tf.train.Example.FromString(record).features.feature
            found.append(
                {
                    name: list(getattr(feature, feature.WhichOneof("kind")).value)
                    if feature.WhichOneof("kind")
                    else []
                    for name, feature in features.items()
                }
            )
    return sorted(found, key=lambda row: (row["user"], row["timestamp"]))


@pytest.fixture(scope="module")
def transformed(tmp_path_factory) -> tuple[str, str]:
    return transform(tmp_path_factory.mktemp("transform"))


def test_vocabulary_is_learnt_from_train_by_frequency(transformed):
    output = tft.TFTransformOutput(transformed[0])
    # c: 3 events; a: 2; b: 1, as the event repeated by the overlap counts once.
    assert output.vocabulary_by_name("item") == [b"c", b"a", b"b"]
    assert output.vocabulary_by_name("genres") == [b"x", b"y"]
    # Two each; TFT puts equal counts in reverse order of the keys.
    assert output.vocabulary_by_name("age") == [b"7", b"30"]


def test_items_become_ids_and_the_rest_of_the_timeline_stays(transformed):
    first, second, *_ = rows(transformed[1], "train")
    assert first["item"] == [2, 3]
    assert first["user"] == [b"u1"]
    assert first["timestamp"] == [1, 2]
    assert first["target"] == [0, 1]
    assert first["overlap"] == [0]
    assert second["item"] == [3, 1]
    assert second["overlap"] == [1]


def test_multi_valued_and_float_columns(transformed):
    first, second, *_ = rows(transformed[1], "train")
    assert first["genres"] == [1, 2, 1]
    assert first["genres_lengths"] == [2, 1]
    assert second["genres"] == [1]
    assert second["genres_lengths"] == [1, 0]
    assert first["price"] == [1.5, 2.5]
    assert second["price"] == [2.5, 0.0]


def test_keys_not_seen_in_training_get_id_0(transformed):
    (row,) = rows(transformed[1], "test")
    assert row["item"] == [0, 2]
    assert row["genres"] == [0, 2]
    assert row["age"] == [0]


def test_rare_keys_share_id_0(tmp_path):
    graph, examples = transform(tmp_path, min_vocab_count=2)
    assert tft.TFTransformOutput(graph).vocabulary_by_name("item") == [b"c", b"a"]
    assert rows(examples, "train")[0]["item"] == [2, 0]


def test_min_vocab_count_below_one_is_refused():
    with pytest.raises(ValueError, match="`min_vocab_count` must be >= 1, received 0"):
        SequenceTransform(
            examples=channel_utils.as_channel([standard_artifacts.Examples()]),
            schema=channel_utils.as_channel([standard_artifacts.Schema()]),
            input_spec=input_spec_pb2.InputSpec(),
            min_vocab_count=0,
        )
