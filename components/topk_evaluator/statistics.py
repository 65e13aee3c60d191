"""What an evaluation adds up: sums that metrics are means of, and counts of items."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ondevice_rec.components.topk_evaluator.slices import OVERALL

MAX_SLICES = 10_000

Sums = dict[str, np.ndarray]


@dataclass(frozen=True)
class Statistics:
    """Of disjoint sets of queries these can be added.

    Attributes:
      sums: float64 `[1 + columns]` by slice: number of queries, and the sums of every
        model's metrics. Sums of counts stay exact up to 2^53.
      replicates: The same, weighted, in every replicate of the bootstrap:
        `[replicates, 1 + columns]` by slice.
      exposure: int64 `[len(top_k), vocab_size]` by model: how often each item is
        recommended.
      data: Counts of what is wrong with the timelines, by name.
    """

    sums: Sums = field(default_factory=dict)
    replicates: Sums = field(default_factory=dict)
    exposure: Sums = field(default_factory=dict)
    data: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: Statistics) -> Statistics:
        return Statistics(
            _added(self.sums, other.sums),
            _added(self.replicates, other.replicates),
            _added(self.exposure, other.exposure),
            {
                name: self.data.get(name, 0) + other.data.get(name, 0)
                for name in {**self.data, **other.data}
            },
        )

    def addable(self) -> Statistics:
        """The same, rounded so that additions are exact.

        Then what is added up does not depend on the order, which every engine chooses
        for itself. Multiples of 2^-24 add up without error to 2^29; a file's sum is
        off by 2^-25 at most.
        """
        return dataclasses.replace(
            self, sums=_rounded(self.sums), replicates=_rounded(self.replicates)
        )

    def to_bytes(self) -> bytes:
        """To hand them from one process to another."""
        arrays = {"data": np.array(json.dumps(self.data))}
        for kind in _ARRAYS:
            named: Sums = getattr(self, kind)
            arrays[f"{kind}/names"] = np.array(json.dumps(list(named)))
            arrays |= {f"{kind}/{i}": v for i, v in enumerate(named.values())}
        file = io.BytesIO()
        np.savez_compressed(file, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Statistics:
        """What `to_bytes` wrote."""
        with np.load(io.BytesIO(content)) as arrays:
            named: dict[str, Sums] = {
                kind: {
                    name: arrays[f"{kind}/{i}"]
                    for i, name in enumerate(json.loads(str(arrays[f"{kind}/names"])))
                }
                for kind in _ARRAYS
            }
            return cls(**named, data=json.loads(str(arrays["data"])))


_ARRAYS = ("sums", "replicates", "exposure")
# Of the fraction of a sum.
_BITS = 24


class Adder:
    """Adds up batches of queries."""

    def __init__(
        self,
        describe: Callable[[str, int], str],
        slices_with_intervals: frozenset[str],
    ) -> None:
        """Begins with nothing.

        Args:
          describe: Names the slice of what is sliced by and a number.
          slices_with_intervals: Slices that get replicates.
        """
        self.total = Statistics()
        self._describe = describe
        self._with_intervals = slices_with_intervals

    def add(
        self,
        slice_codes: Mapping[str, np.ndarray],
        metrics: np.ndarray,
        weights: np.ndarray | None,
    ) -> None:
        """Adds a batch.

        Args:
          slice_codes: The slice of each query, int `[queries]`, by what is sliced by.
          metrics: float64 `[queries, columns]`.
          weights: float64 `[replicates, queries]`; None for no replicates.

        Raises:
          ValueError: there are more than `MAX_SLICES` slices.
        """
        sums, replicates = self.total.sums, self.total.replicates
        table = np.concatenate([np.ones((len(metrics), 1)), metrics], axis=1)
        _add(sums, OVERALL, table.sum(axis=0))
        if weights is not None:
            _add(replicates, OVERALL, weights @ table)
        columns = np.ascontiguousarray(table.T)
        for name, codes in slice_codes.items():
            present, group = np.unique(codes, return_inverse=True)
            parts = [np.bincount(group, column, len(present)) for column in columns]
            for i, row in enumerate(np.stack(parts, axis=1)):
                slice_name = self._describe(name, int(present[i]))
                _add(sums, slice_name, row)
                if weights is not None and slice_name in self._with_intervals:
                    inside = group == i
                    _add(replicates, slice_name, weights[:, inside] @ table[inside])
        if len(sums) > MAX_SLICES:
            raise ValueError(
                f"`slices` {sorted(slice_codes)} make more than {MAX_SLICES:,} slices. "
                "Slice by columns with fewer values."
            )

    def add_exposure(self, model: str, exposure: np.ndarray) -> None:
        """Adds how often a model recommends each item."""
        _add(self.total.exposure, model, exposure)

    def add_data(self, name: str, count: int) -> None:
        """Adds to what is wrong with the timelines."""
        self.total.data[name] = self.total.data.get(name, 0) + count


def _rounded(sums: Sums) -> Sums:
    return {
        name: np.ldexp(np.rint(np.ldexp(values, _BITS)), -_BITS)
        for name, values in sums.items()
    }


def _added(first: Sums, second: Sums) -> Sums:
    whole = dict(first)
    for name, values in second.items():
        _add(whole, name, values)
    return whole


def _add(sums: Sums, name: str, values: np.ndarray) -> None:
    sums[name] = sums[name] + values if name in sums else values
