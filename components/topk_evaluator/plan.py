"""What is measured, of which models: handed to every worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ondevice_rec.recommendation import ranking, recommended_lists

# Names of the models in what is written.
CANDIDATE = "candidate"
POPULARITY = "popularity"
MARKOV = "markov"
BLESSED = "blessed"

LABEL_COVERAGE = "label_coverage"


def query_metric_names(top_k: Sequence[int], from_lists: bool = False) -> list[str]:
    """Metrics that are means over queries, for these k's.

    `label_coverage` is the share of the queries whose item the model's vocabulary
    holds, above which no recall can be.

    Args:
      top_k: The k's.
      from_lists: Whether only lists of items are known, not the ranks beyond.
    """
    ranks = ranking.metric_names(top_k)
    if from_lists:
        ranks = [name for name in ranks if "@" in name]
    return [LABEL_COVERAGE, *ranks, *recommended_lists.query_metric_names(top_k)]


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
      saved_model_dir: The candidate.
      tflite_path: The candidate's TFLite file, if that is measured in its place.
      blessed_dir: SavedModel of the latest blessed model; empty for none.
      top_k: The k's, increasing.
      slice_names: What the queries are sliced by.
      cold_item_events: Items with fewer training events are cold.
      exclude_seen: Whether what the user's history holds may not be recommended.
      replicates: Replicates of the bootstrap.
      seed: Of the bootstrap.
      slices_with_intervals: Slices, `OVERALL` among them, that get replicates.
    """

    saved_model_dir: str
    tflite_path: str
    blessed_dir: str
    top_k: tuple[int, ...]
    slice_names: tuple[str, ...]
    cold_item_events: int
    exclude_seen: bool
    replicates: int
    seed: int
    slices_with_intervals: frozenset[str]

    @property
    def models(self) -> list[str]:
        """Names of the models that are measured, the candidate first."""
        baselines = [POPULARITY, MARKOV, *([BLESSED] if self.blessed_dir else [])]
        return [CANDIDATE, *baselines]

    @property
    def query_metrics(self) -> list[str]:
        """Names of the metrics that are means over queries."""
        return query_metric_names(self.top_k, bool(self.tflite_path))

    @property
    def total_metrics(self) -> list[str]:
        """Names of the metrics of all recommended lists together."""
        return recommended_lists.total_metric_names(self.top_k)
