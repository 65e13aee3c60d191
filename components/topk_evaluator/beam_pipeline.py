"""Ranks the test queries with Beam: one element is one file.

A file goes through TensorFlow in batches, and what leaves the worker are sums per
slice: memory does not grow with the number of queries, and no runner moves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np

from ondevice_rec.components.topk_evaluator import leaks
from ondevice_rec.components.topk_evaluator.plan import Plan
from ondevice_rec.components.topk_evaluator.statistics import Statistics
from ondevice_rec.recommendation.baselines.train_counts import TrainCounts
from ondevice_rec.schemas.input_spec_check import source_column
from ondevice_rec.schemas.timeline import OOV_ID


@dataclass(frozen=True)
class TrainSummary:
    """What is kept of the train timelines; summaries of parts add up.

    Attributes:
      counts: What the baselines are made of.
      targets: What test labels are compared with.
    """

    counts: TrainCounts
    targets: leaks.TargetSample

    def __add__(self, other: TrainSummary) -> TrainSummary:
        return TrainSummary(self.counts + other.counts, self.targets + other.targets)


def rank_queries(
    pipeline: beam.Pipeline,
    train_files: Sequence[str],
    test_files: Sequence[str],
    plan: Plan,
) -> beam.PCollection:
    """Statistics of the test queries.

    Args:
      pipeline: The pipeline to add to.
      train_files: Transformed timelines that the baselines are made of.
      test_files: Transformed timelines with the queries.
      plan: What is measured.

    Returns:
      A PCollection with one `Statistics`, without a slice where there is no query.
    """
    summary = (
        pipeline
        | "TrainFiles" >> beam.Create(list(train_files))
        | "SpreadTrainFiles" >> beam.Reshuffle()
        | "Summarise" >> beam.ParDo(_Summarise(plan.saved_model_dir))
        | "AddSummaries" >> beam.CombineGlobally(_Add())
    )
    return (
        pipeline
        | "TestFiles" >> beam.Create(list(test_files))
        | "SpreadTestFiles" >> beam.Reshuffle()
        | "RankQueries" >> beam.ParDo(_Rank(plan), beam.pvalue.AsSingleton(summary))
        | "AddStatistics" >> beam.CombineGlobally(_Add())
    )


class _Summarise(beam.DoFn):
    """File of train timelines -> `TrainSummary`."""

    def __init__(self, saved_model_dir: str) -> None:
        self._saved_model_dir = saved_model_dir

    def setup(self) -> None:
        from ondevice_rec.recommendation.export.export import load_assets

        label = load_assets(self._saved_model_dir).input_spec.label_feature
        self._column = source_column(label)
        self._vocab_size = label.vocab_size

    def process(self, path: str) -> Iterator[TrainSummary]:
        from ondevice_rec.components.topk_evaluator import timeline_events

        counts = TrainCounts.none(self._vocab_size)
        targets = leaks.no_targets()
        for batch in timeline_events.read(path, self._column):
            # Ids past the vocabulary are counted, and refused, where queries are.
            items = np.where(batch.items < self._vocab_size, batch.items, OOV_ID)
            counts += TrainCounts.of_timelines(
                items, batch.row_splits, batch.overlap, self._vocab_size
            )
            targets += leaks.sample_targets(batch.events)
        yield TrainSummary(counts, targets)


class _Rank(beam.DoFn):
    """File of test timelines -> `Statistics`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def setup(self) -> None:
        from ondevice_rec.components.topk_evaluator.measure import Measurer

        self._measurer = Measurer(self._plan)

    def process(self, path: str, summary: TrainSummary) -> Iterator[Statistics]:
        yield self._measurer.measure(path, summary.counts, summary.targets)


class _Add(beam.CombineFn):
    """Adds up whatever can be added; None for none."""

    def create_accumulator(self) -> Any:
        return None

    def add_input(self, total: Any, part: Any) -> Any:
        return part if total is None else total + part

    def merge_accumulators(self, parts: Iterable[Any]) -> Any:
        total = None
        for part in parts:
            if part is not None:
                total = self.add_input(total, part)
        return total

    def extract_output(self, total: Any) -> Any:
        return total


def write(found: Statistics, path: str) -> None:
    """Hands statistics over to whoever runs the pipeline, maybe elsewhere."""
    from tfx.utils import io_utils

    io_utils.write_bytes_file(path, found.to_bytes())
