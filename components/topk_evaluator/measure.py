"""Measures all models on the queries of a file."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ondevice_rec.components.topk_evaluator import leaks, timeline_events
from ondevice_rec.components.topk_evaluator.blessed import BlessedRanker
from ondevice_rec.components.topk_evaluator.data_refusals import (
    COMPARED_TARGETS,
    FOREIGN_IDS,
    LEAKED_TARGETS,
)
from ondevice_rec.components.topk_evaluator.plan import (
    BLESSED,
    CANDIDATE,
    MARKOV,
    POPULARITY,
    Plan,
)
from ondevice_rec.components.topk_evaluator.queries import Queries, read_queries
from ondevice_rec.components.topk_evaluator.saved_model_ranker import (
    Ranked,
    SavedModelRanker,
)
from ondevice_rec.components.topk_evaluator.slices import Slicer
from ondevice_rec.components.topk_evaluator.statistics import Adder, Statistics
from ondevice_rec.components.topk_evaluator.tflite_ranker import TfliteRanker
from ondevice_rec.recommendation import bootstrap, progress, ranking, recommended_lists
from ondevice_rec.recommendation.baselines.count_model import CountModel
from ondevice_rec.recommendation.baselines.train_counts import TrainCounts
from ondevice_rec.recommendation.export import export
from ondevice_rec.schemas.input_spec_check import source_column
from ondevice_rec.schemas.timeline import OOV_ID

# Scores that are in memory at once, at 4 bytes: 64 MiB.
_MAX_SCORES = 1 << 24
_MAX_BATCH = 4096
# Where whole histories are read: a row holds thousands of items.
_MAX_BATCH_SEEN = 512

# Queries and the length of a list -> ranks and lists.
_Rank = Callable[[Queries, int], Ranked]


class Measurer:
    """Holds the loaded models."""

    def __init__(self, plan: Plan) -> None:
        """Loads them.

        Args:
          plan: What is measured.
        """
        self._plan = plan
        self._assets = export.load_assets(plan.saved_model_dir)
        self._vocab_size = self._assets.input_spec.label_feature.vocab_size
        self._candidate: SavedModelRanker | TfliteRanker
        if plan.tflite_path:
            self._candidate = TfliteRanker(plan.tflite_path, self._vocab_size)
        else:
            self._candidate = SavedModelRanker(plan.saved_model_dir)
        self._blessed = None
        if plan.blessed_dir:
            self._blessed = BlessedRanker(plan.blessed_dir, self._assets)
        size = max(self._vocab_size, self._blessed.vocab_size if self._blessed else 0)
        largest = _MAX_BATCH_SEEN if plan.exclude_seen else _MAX_BATCH
        self._batch_size = max(1, min(largest, _MAX_SCORES // size))

    def measure(
        self, path: str, counts: TrainCounts, targets: leaks.TargetSample
    ) -> Statistics:
        """Ranks the queries of a file.

        Args:
          path: TFRecord file (gzip) of transformed timelines.
          counts: What was counted in the train timelines.
          targets: Of the train timelines.
        """
        spec = self._assets.input_spec
        slicer = Slicer(
            self._plan.slice_names,
            spec,
            self._assets.vocabularies,
            counts.items,
            self._plan.cold_item_events,
        )
        adder = Adder(slicer.describe, self._plan.slices_with_intervals)
        rankers = self._rankers(counts)
        done = 0
        for queries in read_queries(
            path,
            spec,
            self._blessed.input_spec if self._blessed else None,
            self._plan.exclude_seen,
            self._batch_size,
        ):
            codes = slicer.codes(
                queries.features, queries.label, queries.history_length
            )
            metrics = [
                self._metrics(name, rank, queries, counts.items, adder)
                for name, rank in rankers.items()
            ]
            weights = None
            if self._plan.replicates:
                weights = bootstrap.poisson_weights(
                    queries.users, self._plan.replicates, self._plan.seed
                )
            adder.add(codes, np.concatenate(metrics, axis=1), weights)
            adder.add_data(FOREIGN_IDS, queries.foreign)
            done += len(queries.label)
            progress.report("ranking test queries", done, 0)
        comparer = leaks.Comparer(targets)
        for batch in timeline_events.read(path, source_column(spec.label_feature)):
            compared, leaked = comparer.count(batch.events)
            adder.add_data(COMPARED_TARGETS, compared)
            adder.add_data(LEAKED_TARGETS, leaked)
        return adder.total.addable()

    def _rankers(self, counts: TrainCounts) -> dict[str, _Rank]:
        """By model, in the order of `Plan.models`."""
        none = TrainCounts.none(len(counts.items))
        popularity = CountModel(
            TrainCounts(counts.items, none.transitions, none.transition_counts)
        )
        rankers = {
            CANDIDATE: lambda queries, length: self._candidate.rank(
                queries.features, queries.label, queries.seen, length
            ),
            POPULARITY: _by_counts(popularity),
            MARKOV: _by_counts(CountModel(counts)),
        }
        blessed = self._blessed
        if blessed is not None:
            rankers[BLESSED] = lambda queries, length: blessed.rank(
                queries.other_features, queries.label, queries.seen, length
            )
        return rankers

    def _metrics(
        self,
        model: str,
        rank: _Rank,
        queries: Queries,
        item_counts: np.ndarray,
        adder: Adder,
    ) -> np.ndarray:
        """float64 `[queries, metrics]` as `Plan.query_metrics` names them."""
        top_k, vocab_size, label = self._plan.top_k, self._vocab_size, queries.label
        if model == BLESSED and self._blessed is not None:
            vocab_size, label = self._blessed.vocab_size, self._blessed.labels(label)
        ranks, lists = rank(queries, max(top_k))
        adder.add_exposure(
            model, recommended_lists.exposure(lists, len(item_counts), top_k)
        )
        of_rank = ranking.query_metrics(ranks, vocab_size, top_k)
        if self._plan.tflite_path:
            names = ranking.metric_names(top_k)
            of_rank = of_rank[:, [name in self._plan.query_metrics for name in names]]
        return np.concatenate(
            [
                (label != OOV_ID).astype(np.float64)[:, np.newaxis],
                of_rank,
                recommended_lists.query_metrics(lists, item_counts, top_k),
            ],
            axis=1,
        )


def _by_counts(model: CountModel) -> _Rank:
    def rank(queries: Queries, length: int) -> Ranked:
        return (
            model.ranks(queries.last, queries.label, queries.seen),
            model.lists(queries.last, length, queries.seen),
        )

    return rank
