"""What the log held and what became of its rows."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from ondevice_rec.components.timeline_validator import anomaly_words
from ondevice_rec.lineage.graph import ArtifactNode
from ondevice_rec.pipelines.report.files import Files
from ondevice_rec.pipelines.report.missing import Missing
from ondevice_rec.pipelines.report.run_record import RunRecord
from ondevice_rec.schemas import timeline

REPORT = "ondevice_rec.IngestionReport"
_STATISTICS = "ExampleStatistics"
_ANOMALIES = "ExampleAnomalies"
_SAMPLES = 5


@dataclass(frozen=True)
class Data:
    """What the log held.

    Attributes:
      rows_read: Rows of the log.
      rejected: Reason -> rows that could not be used.
      filtered: Reason -> rows that were left out as configured.
      samples: Rejected rows: "reason", "file", "line", "text".
      events: Rows that were used.
      users: Whose they were.
      items: Distinct ones.
      files: The log's: "path", "bytes", "rows".
      splits: Split -> "timelines", "targets", ...
      lengths: Share of the timelines -> events that those have at most.
      catalogue: Of the item catalogue: "items", "items_missing", ...; maybe empty.
      spans: Read together: "span", "version", "rows", "rejected"; maybe none.
      left_out: Span -> why it could not be read.
    """

    rows_read: int
    rejected: Mapping[str, int]
    filtered: Mapping[str, int]
    samples: Sequence[Mapping[str, Any]]
    events: int
    users: int
    items: int
    files: Sequence[Mapping[str, Any]]
    splits: Mapping[str, Mapping[str, int]]
    lengths: Mapping[float, int]
    catalogue: Mapping[str, Any]
    spans: Sequence[Mapping[str, Any]]
    left_out: Mapping[str, str]


@dataclass(frozen=True)
class Tail:
    """How events are spread over the items of the train split.

    Attributes:
      counts: Events of the items with most of them, most first.
      items: How many items there are.
      events: How many events they have.
    """

    counts: Sequence[float]
    items: int
    events: int

    def share_of_top(self, share: float) -> float | None:
        """Share of the events that a share of the items has; None if not known."""
        top = max(1, round(share * self.items))
        if top > len(self.counts) or not self.events:
            return None
        return sum(self.counts[:top]) / self.events


def collect(record: RunRecord, files: Files) -> Data:
    """Reads the ingestion report.

    Raises:
      Missing: there is none.
    """
    artifact = record.artifact(REPORT)

    def parse(found: Mapping[str, Any]) -> Data:
        quantiles = found["timeline_length_quantiles"]
        return Data(
            rows_read=int(found["rows_read"]),
            rejected=_counts(found["rejected"]),
            filtered=_counts(found["filtered"]),
            samples=found["samples"][:_SAMPLES],
            events=int(found["events"]),
            users=int(found["users"]),
            items=int(found["items"]),
            files=found["files"],
            splits=found["splits"],
            lengths={float(share): int(n) for share, n in quantiles.items()},
            catalogue=found.get("catalogue") or {},
            spans=found.get("spans") or [],
            left_out=found.get("spans_left_out") or {},
        )

    content = files.json(artifact, "report.json")
    try:
        return parse(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Missing(
            f"{artifact.uri}/report.json was written by other software: {error!r}."
        ) from error


def tail(record: RunRecord, files: Files) -> Tail:
    """Reads from the statistics how often items occur.

    Raises:
      Missing: there are none.
    """
    artifact = record.artifact(_STATISTICS)
    found = files.read(
        artifact,
        statistics_pb2.DatasetFeatureStatisticsList.FromString,
        f"Split-{timeline.TRAIN}",
        "FeatureStats.pb",
    )
    for dataset in found.datasets:
        for feature in dataset.features:
            if [*feature.path.step] != [timeline.ITEM]:
                continue
            strings = feature.string_stats
            buckets = strings.rank_histogram.buckets
            counts = sorted((b.sample_count for b in buckets), reverse=True)
            if counts:
                events = strings.common_stats.tot_num_values or sum(counts)
                return Tail(counts, max(int(strings.unique), len(counts)), int(events))
    raise Missing(f"The statistics in {artifact.uri} count no items.")


def anomalies(record: RunRecord, files: Files) -> list[str]:
    """What ExampleValidator found, in words; empty for nothing.

    Raises:
      Missing: it did not run, or its files are gone.
    """
    artifact = record.artifact(_ANOMALIES)
    found: list[str] = []
    for split in _splits(artifact):
        parse = functools.partial(anomaly_words.words, split=split)
        found += files.read(artifact, parse, f"Split-{split}", "SchemaDiff.pb")
    return found


def _splits(artifact: ArtifactNode) -> Sequence[str]:
    """Names of an artifact's splits, as TFX writes them; ours if it does not."""
    named = (artifact.text("split_names") or "").strip("[]").replace('"', "")
    return [name.strip() for name in named.split(",") if name.strip()] or list(
        timeline.SPLITS
    )


def _counts(found: Mapping[str, Any]) -> dict[str, int]:
    return {
        str(reason): int(rows)
        for reason, rows in sorted(found.items(), key=lambda pair: -int(pair[1]))
    }
