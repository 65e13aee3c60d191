"""Ranks the test queries with Beam: one element is one file.

A file goes through TensorFlow in batches, and what leaves the worker are sums per
slice: memory does not grow with the number of queries, and no runner moves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np

from ondevice_rec.components.topk_evaluator import statistics
from ondevice_rec.components.topk_evaluator.slices import Slicer
from ondevice_rec.components.topk_evaluator.statistics import Statistics
from ondevice_rec.recommendation import progress, ranking
from ondevice_rec.recommendation.baselines.count_model import popularity_ranks
from ondevice_rec.schemas import timeline
from ondevice_rec.schemas.input_spec_check import source_column

# Scores that are in memory at once, at 4 bytes: 64 MiB.
_MAX_SCORES = 1 << 24
_MAX_BATCH = 4096
_PARSED_TIMELINES = 4096


def rank_queries(
    pipeline: beam.Pipeline,
    train_files: Sequence[str],
    test_files: Sequence[str],
    saved_model_dir: str,
    top_k: Sequence[int],
    slice_names: Sequence[str],
) -> beam.PCollection:
    """Statistics of the test queries.

    Args:
      pipeline: The pipeline to add to.
      train_files: Transformed timelines that the popularity model is made of.
      test_files: Transformed timelines with the queries.
      saved_model_dir: SavedModel with the signature `rank`.
      top_k: The k's.
      slice_names: What to slice by.

    Returns:
      A PCollection with one `Statistics`, empty where there is no query.
    """
    counts = (
        pipeline
        | "TrainFiles" >> beam.Create(list(train_files))
        | "SpreadTrainFiles" >> beam.Reshuffle()
        | "CountItems" >> beam.ParDo(_CountItems(saved_model_dir))
        | "AddCounts" >> beam.CombineGlobally(_AddCounts())
    )
    return (
        pipeline
        | "TestFiles" >> beam.Create(list(test_files))
        | "SpreadTestFiles" >> beam.Reshuffle()
        | "RankQueries"
        >> beam.ParDo(
            _RankQueries(saved_model_dir, list(top_k), list(slice_names)),
            beam.pvalue.AsSingleton(counts),
        )
        | "AddStatistics" >> beam.CombineGlobally(_AddStatistics())
    )


class _CountItems(beam.DoFn):
    """File of train timelines -> int64 `[vocab_size]`, events per item id."""

    def __init__(self, saved_model_dir: str) -> None:
        self._saved_model_dir = saved_model_dir

    def setup(self) -> None:
        from ondevice_rec.recommendation.export import load_assets

        label = load_assets(self._saved_model_dir).input_spec.label_feature
        self._column = source_column(label)
        self._vocab_size = label.vocab_size

    def process(self, path: str) -> Iterator[np.ndarray]:
        import tensorflow as tf

        features = {
            timeline.OVERLAP: tf.io.FixedLenFeature([], tf.int64, 0),
            self._column: tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64),
        }
        counts = np.zeros(self._vocab_size, np.int64)
        records = tf.data.TFRecordDataset([path], "GZIP").batch(_PARSED_TIMELINES)
        for batch in records:
            parsed = tf.io.parse_example(batch, features)
            items = parsed[self._column]
            ids, starts = items.flat_values.numpy(), items.row_starts().numpy()
            rows = items.value_rowids().numpy()
            position = np.arange(len(ids)) - starts[rows]
            # Events of the overlap were counted in the segment before.
            own = position >= parsed[timeline.OVERLAP].numpy()[rows]
            counts += np.bincount(ids[own], minlength=self._vocab_size)
        yield counts


class _RankQueries(beam.DoFn):
    """File of test timelines -> `Statistics`."""

    def __init__(
        self, saved_model_dir: str, top_k: list[int], slice_names: list[str]
    ) -> None:
        self._saved_model_dir = saved_model_dir
        self._top_k = top_k
        self._slice_names = slice_names

    def setup(self) -> None:
        import tensorflow as tf

        from ondevice_rec.recommendation import export

        self._assets = export.load_assets(self._saved_model_dir)
        # The signature's variables live as long as the loaded object.
        self._model = tf.saved_model.load(self._saved_model_dir)
        self._rank = self._model.signatures[export.RANK]

    def process(self, path: str, item_counts: np.ndarray) -> Iterator[Statistics]:
        import tensorflow as tf

        from ondevice_rec.recommendation.windows import evaluation_windows

        # A shard may be without a timeline where there are few users.
        if not any(True for _ in tf.data.TFRecordDataset([path], "GZIP").take(1)):
            return
        spec = self._assets.input_spec
        vocab_size = spec.label_feature.vocab_size
        slicer = Slicer(self._slice_names, spec, self._assets.vocabularies, item_counts)
        popularity = popularity_ranks(item_counts)
        batch_size = max(1, min(_MAX_BATCH, _MAX_SCORES // vocab_size))
        found: Statistics = {}
        done = 0
        for features, label, query in evaluation_windows([path], spec, batch_size):
            ranks = self._rank(label=label, **features)["rank"].numpy()
            ids = label.numpy()
            statistics.add_batch(
                found,
                slicer,
                slicer.codes(
                    {name: values.numpy() for name, values in features.items()},
                    ids,
                    query["history_length"].numpy(),
                ),
                ranking.query_metrics(ranks, vocab_size, self._top_k),
                ranking.query_metrics(popularity[ids], vocab_size, self._top_k),
            )
            done += len(ids)
            progress.report("ranking test queries", done, 0)
        yield found


class _AddCounts(beam.CombineFn):
    """Adds up arrays; None for none."""

    def create_accumulator(self) -> np.ndarray | None:
        return None

    def add_input(self, sums: np.ndarray | None, part: np.ndarray) -> np.ndarray:
        return part if sums is None else sums + part

    def merge_accumulators(
        self, parts: Iterable[np.ndarray | None]
    ) -> np.ndarray | None:
        sums = None
        for part in parts:
            if part is not None:
                sums = self.add_input(sums, part)
        return sums

    def extract_output(self, sums: np.ndarray | None) -> Any:
        return sums


class _AddStatistics(beam.CombineFn):
    def create_accumulator(self) -> Statistics:
        return {}

    def add_input(self, whole: Statistics, part: Statistics) -> Statistics:
        return statistics.merge([whole, part])

    def merge_accumulators(self, parts: Iterable[Statistics]) -> Statistics:
        return statistics.merge(parts)

    def extract_output(self, whole: Statistics) -> Statistics:
        return whole


def write_json(found: Statistics, path: str) -> None:
    """Hands statistics over to whoever runs the pipeline, maybe elsewhere."""
    from tfx.utils import io_utils

    io_utils.write_string_file(path, statistics.to_json(found))
