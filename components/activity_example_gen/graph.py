"""The Beam pipeline from files to shards of timelines.

Elements are columns of many events, not rows. Nothing depends on the order in which a
runner brings them: blocks carry their place in the input, shards their number. Workers
do not raise for bad input; they count it, so that its message reaches the user in the
same words on every runner.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent import futures
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from tfx.dsl.io import fileio

from ondevice_rec.components.activity_example_gen import (
    catalogue,
    encoding,
    partitions,
    reading,
    rows,
    shards,
    splitting,
    timelines,
)
from ondevice_rec.components.activity_example_gen.plan import Plan
from ondevice_rec.components.activity_example_gen.tally import Sum, SumByKey, Tally
from ondevice_rec.components.activity_example_gen.timelines import Timelines
from ondevice_rec.recommendation import progress
from ondevice_rec.schemas import timeline
from ondevice_rec.schemas.log_files import IngestionError

_TALLY = "tally"
_ITEMS = "items"
_NEWEST = "newest"
_MAIN = "main"


class ReadLog(beam.DoFn):
    """From (number of a file, path) to (partition, (file, block, events))."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._rows_read = 0

    def process(self, element: tuple[int, str]) -> Iterator[Any]:
        number, path = element
        plan = self._plan
        blocks = reading.read_log(path, plan.log, plan.filters)
        for index in range(1 << 62):
            try:
                block = next(blocks, None)
            except IngestionError as error:
                yield beam.pvalue.TaggedOutput(_TALLY, {"errors": [str(error)]})
                return
            if block is None:
                return
            parsed = rows.parse(block, plan.log, plan.filters, plan.timestamps)
            yield beam.pvalue.TaggedOutput(
                _TALLY,
                {
                    "rows_read": block.rows_read,
                    "files": {path: block.rows_read},
                    "rejected": parsed.rejected,
                    "rejected_files": {path: sum(parsed.rejected.values())},
                    "samples": {
                        reason: [[number, r.number, r.text] for r in found]
                        for reason, found in parsed.samples.items()
                    },
                },
            )
            for partition, events in partitions.divide(
                parsed.events, plan.num_partitions
            ):
                yield partition, (number, index, events)
            self._rows_read += block.rows_read
            progress.report("reading the log", self._rows_read, 0, "rows")


class Arrange(beam.DoFn):
    """From (partition, its blocks) to (partition, timelines).

    Where the log has spans, also, tagged `_NEWEST`, to those of the newest span alone.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def process(
        self, element: tuple[int, Iterable[tuple[int, int, bytes] | None]]
    ) -> Iterator[Any]:
        partition, pieces = element
        ordered = sorted(piece for piece in pieces if piece is not None)
        first = self._plan.newest_file
        if first is not None:
            messages = [message for number, _, message in ordered if number >= first]
            newest = None
            if messages:
                tables = [partitions.read_message(message) for message in messages]
                newest, _ = timelines.arrange(tables, self._plan.filters)
            yield beam.pvalue.TaggedOutput(_NEWEST, (partition, newest))
        if not ordered:
            yield partition, None
            return
        arranged, filtered = timelines.arrange(
            [partitions.read_message(message) for _, _, message in ordered],
            self._plan.filters,
        )
        yield beam.pvalue.TaggedOutput(_TALLY, {"filtered": filtered})
        yield partition, arranged


class Limit(beam.DoFn):
    """Leaves out rare items, short timelines and the beginnings of long ones."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def process(
        self, element: tuple[int, Timelines | None], item_counts: bytes | None = None
    ) -> Iterator[Any]:
        partition, arranged = element
        if arranged is not None:
            counts = partitions.read_message(item_counts) if item_counts else None
            arranged, filtered = timelines.limit(arranged, self._plan.filters, counts)
            yield beam.pvalue.TaggedOutput(_TALLY, {"filtered": filtered})
        yield partition, arranged


class Write(beam.DoFn):
    """Writes a partition's timelines, one shard for each split."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._items: pa.Table | None = None
        self._written = 0

    def setup(self) -> None:
        self._items = catalogue.load(self._plan.catalogue_path)

    def process(
        self, element: tuple[int, Timelines | None], moment_counts: bytes | None = None
    ) -> Iterator[Any]:
        partition, found = element
        plan = self._plan
        if found is None or not found.num_events:
            for split in timeline.SPLITS:
                shards.write(
                    plan.examples_uri, split, partition, plan.num_partitions, []
                )
            return
        moments = plan.moments
        if moment_counts is not None:
            table = partitions.read_message(moment_counts)
            moments = splitting.moments_at(
                table["timestamp"].to_numpy(), table["count"].to_numpy(), plan.split
            )
        assigned = splitting.assign(found, plan.split, moments)
        columns, known = _columns(found, plan, self._items)
        tally: Tally = {
            "events": found.num_events,
            "users": len(found.users),
            "lengths": _histogram(found.lengths),
            "splits": {},
        }
        if self._items is not None and self._items.num_rows:
            tally["events_without_catalogue"] = int((~known[found.item_codes]).sum())
        # A split is compressed, without Python's lock, while the next one is made.
        with futures.ThreadPoolExecutor(1) as writer:
            written = []
            for index, split in enumerate(timeline.SPLITS):
                segments = splitting.cut(
                    found,
                    assigned == index,
                    plan.context_length,
                    plan.max_segment_length,
                )
                records = _records(found, segments, columns, plan)
                place = plan.examples_uri, split, partition, plan.num_partitions
                written.append(writer.submit(shards.write, *place, records))
                tally["splits"][split] = {
                    "timelines": len(np.unique(segments.users)),
                    "segments": len(segments.users),
                    "targets": int(segments.targets.sum()),
                    "entries": len(segments.events),
                }
            for future in written:
                future.result()
        yield beam.pvalue.TaggedOutput(_TALLY, tally)
        yield beam.pvalue.TaggedOutput(_ITEMS, partitions.message(found.item_counts()))
        self._written += found.num_events
        progress.report("writing timelines", self._written, 0, "events")


class WriteNewest(beam.DoFn):
    """Writes a partition's timelines of the newest span, whole and without targets."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._items: pa.Table | None = None

    def setup(self) -> None:
        self._items = catalogue.load(self._plan.catalogue_path)

    def process(self, element: tuple[int, Timelines | None]) -> None:
        partition, found = element
        plan = self._plan
        records: list[bytes] = []
        if found is not None and found.num_events:
            columns, _ = _columns(found, plan, self._items)
            records = _records(found, splitting.whole(found), columns, plan)
        shards.write(
            plan.examples_uri, timeline.NEWEST, partition, plan.num_partitions, records
        )


def _histogram(values: np.ndarray) -> dict[int, int]:
    found, counts = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def _columns(
    found: Timelines, plan: Plan, items: pa.Table | None
) -> tuple[list[encoding.Column], np.ndarray]:
    """The events' features, and whether the catalogue has their items: bool [items]."""
    joined, known = catalogue.columns(items, found.items, found.item_codes)
    return _event_columns(found, plan) + joined, known


def _event_columns(found: Timelines, plan: Plan) -> list[encoding.Column]:
    columns = [
        encoding.bytes_column(timeline.ITEM, found.items, found.item_codes),
        encoding.int_column(timeline.TIMESTAMP, found.timestamps),
    ]
    for source, values in zip(plan.log.features, found.event_features, strict=True):
        lengths_name = source.column + timeline.LENGTHS_SUFFIX
        columns += encoding.columns(source.column, lengths_name, values)
    return columns


def _records(
    found: Timelines,
    segments: splitting.Segments,
    columns: list[encoding.Column],
    plan: Plan,
) -> list[bytes]:
    num_rows = len(segments.users)
    one_each = np.arange(num_rows + 1)
    targets = segments.targets.astype(np.uint8).tobytes()
    lists = [column.lists(segments.events, segments.bounds) for column in columns]
    lists += [
        encoding.Lists(timeline.TARGET, encoding.INTS, targets, segments.bounds),
        encoding.int_column(timeline.OVERLAP, segments.overlaps).lists(
            np.arange(num_rows), one_each
        ),
        encoding.int_column(timeline.EVENT_COUNT, found.lengths[segments.users]).lists(
            np.arange(num_rows), one_each
        ),
        encoding.bytes_column(timeline.USER, found.users, None).lists(
            segments.users, one_each
        ),
    ]
    last = segments.events[segments.bounds[1:] - 1]
    for source, values in zip(plan.log.user_features, found.user_features, strict=True):
        latest = encoding.columns(source.column, "", values.take(pa.array(last)))[0]
        lists.append(latest.lists(np.arange(num_rows), one_each))
    return encoding.examples(lists, num_rows)


class WriteFile(beam.DoFn):
    """Writes its element to a file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def process(self, element: bytes) -> None:
        with fileio.open(self._path, "wb") as stream:
            stream.write(element)


def _item_counts(element: tuple[int, Timelines | None]) -> Iterator[bytes]:
    if element[1] is not None:
        yield partitions.message(element[1].item_counts())


def _moment_counts(element: tuple[int, Timelines | None]) -> Iterator[bytes]:
    if element[1] is not None:
        values, counts = np.unique(element[1].timestamps, return_counts=True)
        table = pa.table({"timestamp": values, "count": counts.astype(np.int64)})
        yield partitions.message(table)


def _empty(partition: int) -> tuple[int, None]:
    return partition, None


def _json(tally: Tally) -> bytes:
    return json.dumps(tally).encode()


def build(
    pipeline: beam.Pipeline, plan: Plan, tally_path: str, items_path: str
) -> None:
    """Adds the transforms to a pipeline.

    Args:
      pipeline: The pipeline.
      plan: What to do.
      tally_path: Where the counts go, as JSON.
      items_path: Where the items' numbers of events go, as an Arrow IPC stream.
    """
    read = (
        pipeline
        | "Files" >> beam.Create(list(enumerate(plan.files)), reshuffle=True)
        | "ReadLog" >> beam.ParDo(ReadLog(plan)).with_outputs(_TALLY, main=_MAIN)
    )
    partition_numbers = (
        pipeline
        | "Partitions" >> beam.Create(range(plan.num_partitions), reshuffle=False)
        | "Empty" >> beam.Map(_empty)
    )
    arranged = (
        (read[_MAIN], partition_numbers)
        | "WithEmpty" >> beam.Flatten()
        | "ByPartition" >> beam.GroupByKey()
        | "Arrange"
        >> beam.ParDo(Arrange(plan)).with_outputs(_TALLY, _NEWEST, main=_MAIN)
    )
    if plan.newest_file is not None:
        _ = arranged[_NEWEST] | "WriteNewest" >> beam.ParDo(WriteNewest(plan))
    side: list[Any] = []
    if plan.filters.min_item_count > 1:
        counts = (
            arranged[_MAIN]
            | "ItemCounts" >> beam.FlatMap(_item_counts)
            | "SumItems" >> beam.CombineGlobally(SumByKey("item", "string"))
        )
        side = [beam.pvalue.AsSingleton(counts)]
    limited = arranged[_MAIN] | "Limit" >> beam.ParDo(Limit(plan), *side).with_outputs(
        _TALLY, main=_MAIN
    )
    side = []
    if plan.needs_quantiles:
        counts = (
            limited[_MAIN]
            | "MomentCounts" >> beam.FlatMap(_moment_counts)
            | "SumMoments" >> beam.CombineGlobally(SumByKey("timestamp", "int64"))
        )
        side = [beam.pvalue.AsSingleton(counts)]
    written = limited[_MAIN] | "Write" >> beam.ParDo(Write(plan), *side).with_outputs(
        _TALLY, _ITEMS, main=_MAIN
    )
    _ = (
        (read[_TALLY], arranged[_TALLY], limited[_TALLY], written[_TALLY])
        | "Tallies" >> beam.Flatten()
        | "SumTallies" >> beam.CombineGlobally(Sum())
        | "TallyJson" >> beam.Map(_json)
        | "WriteTally" >> beam.ParDo(WriteFile(tally_path))
    )
    _ = (
        written[_ITEMS]
        | "SumWritten" >> beam.CombineGlobally(SumByKey("item", "string"))
        | "WriteItems" >> beam.ParDo(WriteFile(items_path))
    )
