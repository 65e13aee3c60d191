"""Finds the span that a new one is compared with."""

from __future__ import annotations

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common.resolver import Resolver, ResolverStrategy
from tfx.types import standard_artifacts

from ondevice_rec.schemas import facts

_CANDIDATE = "candidate"
_STATISTICS = "statistics"
_ANOMALIES = "anomalies"


class LastGoodStatisticsStrategy(ResolverStrategy):
    """Statistics of the last span before the candidate's that had no anomaly.

    Not simply of the one before: the day after a bad day would differ from it too, and
    a lasting change would be an anomaly for one day only.
    """

    def resolve_artifacts(
        self, store: mlmd.MetadataStore, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]] | None:
        """Gives the statistics, if there are any."""
        candidates = input_dict[_CANDIDATE]
        span = min((statistics.span for statistics in candidates), default=0)
        good = {
            anomalies.get_string_custom_property(facts.STATISTICS)
            for anomalies in input_dict[_ANOMALIES]
            if not anomalies.get_string_custom_property(facts.ANOMALIES)
        }
        earlier = [
            statistics
            for statistics in input_dict[_STATISTICS]
            if statistics.span < span and statistics.uri in good
        ]
        # Of a span that was read again, the latest reading.
        last = max(earlier, key=lambda found: (found.span, found.id), default=None)
        return {
            _CANDIDATE: candidates,
            _STATISTICS: [] if last is None else [last],
            _ANOMALIES: [],
        }


def previous_statistics(statistics: types.BaseChannel) -> Resolver:
    """A Resolver whose output `statistics` is what to compare with, if there is any.

    Args:
      statistics: Of the new span, a component's output.
    """
    return Resolver(
        strategy_class=LastGoodStatisticsStrategy,
        **{
            _CANDIDATE: statistics,
            _STATISTICS: types.Channel(type=standard_artifacts.ExampleStatistics),
            _ANOMALIES: types.Channel(type=standard_artifacts.ExampleAnomalies),
        },
    ).with_id("PreviousStatistics")
