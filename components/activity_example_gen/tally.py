"""Counts what became of the rows, and adds the counts of all workers up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import pyarrow as pa

from ondevice_rec.components.activity_example_gen import partitions, rows

# Numbers, tallies in turn, and lists that stay short ("samples" and "errors").
Tally = dict[str, Any]

_MOST_ERRORS = 20


def add(first: Tally, second: Tally) -> Tally:
    """Adds two tallies; does not depend on their order."""
    total = dict(first)
    for name, value in second.items():
        if name not in total:
            total[name] = value
        elif isinstance(value, dict):
            total[name] = add(total[name], value)
        elif isinstance(value, list):
            total[name] = sorted(total[name] + value)[: _limit(value)]
        else:
            total[name] += value
    return total


def _limit(values: list[Any]) -> int:
    return _MOST_ERRORS if values and isinstance(values[0], str) else rows.SAMPLES


class Sum(beam.CombineFn):
    """Adds tallies up."""

    def create_accumulator(self) -> Tally:
        return {}

    def add_input(self, accumulator: Tally, element: Tally) -> Tally:
        return add(accumulator, element)

    def merge_accumulators(self, accumulators: Iterable[Tally]) -> Tally:
        total: Tally = {}
        for accumulator in accumulators:
            total = add(total, accumulator)
        return total

    def extract_output(self, accumulator: Tally) -> Tally:
        return accumulator


class SumByKey(beam.CombineFn):
    """Adds up tables of a key column and a column `count`.

    Elements are Arrow IPC messages; so is the sum, in ascending order of the keys.
    """

    _ENOUGH = 32

    def __init__(self, key: str, kind: str) -> None:
        self._key = key
        self._kind = kind

    def create_accumulator(self) -> list[bytes]:
        return []

    def add_input(self, accumulator: list[bytes], element: bytes) -> list[bytes]:
        accumulator = [*accumulator, element]
        return (
            accumulator
            if len(accumulator) < self._ENOUGH
            else [self.extract_output(accumulator)]
        )

    def merge_accumulators(self, accumulators: Iterable[list[bytes]]) -> list[bytes]:
        return [self.extract_output([m for some in accumulators for m in some])]

    def extract_output(self, accumulator: list[bytes]) -> bytes:
        schema = pa.schema(
            [(self._key, pa.type_for_alias(self._kind)), ("count", pa.int64())]
        )
        table = pa.concat_tables(
            [schema.empty_table(), *map(partitions.read_message, accumulator)]
        )
        sums = table.group_by(self._key).aggregate([("count", "sum")])
        counted = pa.table([sums[self._key], sums["count_sum"]], schema=schema).sort_by(
            self._key
        )
        return partitions.message(counted)
