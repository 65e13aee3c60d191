"""Transforms timelines file by file, so that the same input gives the same bytes.

TFX's own writer leaves to the engine how many files there are and what is in which,
and the order of an Example's features to a hash map. Here file i is made from file i
of the input, record by record, and nothing is shuffled: whatever the engine, the
trainer reads the same in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft

from ondevice_rec.components.activity_example_gen import encoding, shards
from ondevice_rec.recommendation import progress

_BATCH = 1024
_PREFIX = "transformed_examples"


class InputFile(NamedTuple):
    """A file to transform.

    Attributes:
      split: Its split.
      path: TFRecord file (gzip) of timelines.
      number: Its place among the files of the split, from 0.
      total: Number of files of the split.
    """

    split: str
    path: str
    number: int
    total: int


def transform(
    pipeline: beam.Pipeline,
    files: Sequence[InputFile],
    transform_graph: str,
    examples_uri: str,
) -> None:
    """Adds the transform of files to a pipeline; one element is one file.

    Args:
      pipeline: The pipeline to add to.
      files: What to transform.
      transform_graph: URI of the transform graph.
      examples_uri: Where the transformed timelines go.
    """
    _ = (
        pipeline
        | "Files" >> beam.Create(list(files))
        | "SpreadFiles" >> beam.Reshuffle()
        | "TransformFiles" >> beam.ParDo(_TransformFile(transform_graph, examples_uri))
    )


class _TransformFile(beam.DoFn):
    """`InputFile` -> the transformed file; doing it again gives the same file."""

    def __init__(self, transform_graph: str, examples_uri: str) -> None:
        self._transform_graph = transform_graph
        self._examples_uri = examples_uri
        self._written = 0

    def setup(self) -> None:
        output = tft.TFTransformOutput(self._transform_graph)
        self._spec = output.raw_feature_spec()
        self._model = tf.saved_model.load(output.transform_savedmodel_dir)

    def process(self, element: InputFile) -> None:
        records: list[bytes] = []
        dataset = tf.data.TFRecordDataset([element.path], "GZIP")
        for batch in dataset.batch(_BATCH):
            raw = tf.io.parse_example(batch, self._spec)
            columns = self._model.transform_fn(raw)
            records += encoded(columns, len(batch))
        shards.write(
            self._examples_uri,
            element.split,
            element.number,
            element.total,
            records,
            prefix=_PREFIX,
        )
        self._written += len(records)
        progress.report("transforming timelines", self._written, 0)


def encoded(columns: dict[str, tf.SparseTensor], num_rows: int) -> list[bytes]:
    """Serialises a batch as tf.train.Examples, features in the order of their names.

    Args:
      columns: Of shape `[num_rows, (values)]`: int64, float32 or bytes.
      num_rows: Number of rows.
    """
    lists = []
    for name, column in columns.items():
        values = column.values.numpy()
        kind = pa.binary() if values.dtype == object else None
        bounds = np.searchsorted(column.indices[:, 0], np.arange(num_rows + 1))
        (single,) = encoding.columns(name, "", pa.array(values, kind))
        lists.append(single.lists(np.arange(len(values)), bounds))
    return encoding.examples(lists, num_rows)
