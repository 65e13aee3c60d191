"""Learns a vocabulary in which the keys of an earlier one keep their ids.

`tft.vocabulary` numbers keys by their frequency, so that all ids change when the data
do.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform import beam as tft_beam
from tfx.dsl.io import fileio

from ondevice_rec.components.sequence_transform import kept_ids

# TensorFlow reads no vocabulary without a line: a key that does not occur, as TFT does.
_NO_KEY = {True: "49d0cd50-04bb-48c0-bc6f-5b575dce351a", False: "-1"}


def vocabulary(
    values: tf.Tensor,
    column: str,
    earlier: Sequence[str],
    top_k: int | None,
    min_count: int,
    name: str,
) -> tf.Tensor:
    """As `tft.vocabulary`, but for the ids of the keys in `earlier`.

    Args:
      values: Keys, string or int64 `[values]`.
      column: Name of the vocabulary.
      earlier: Keys by place, without that of id 0.
      top_k: Most keys; None: no limit.
      min_count: Times a key must occur.
      name: Of the analyzer, unique.

    Returns:
      The vocabulary file's name, a scalar string.
    """
    no_key = _NO_KEY[values.dtype == tf.string]
    if values.dtype != tf.string and not all(map(_is_int, earlier)):
        # The column was text: its keys cannot stand in a vocabulary of numbers.
        earlier = ()
    (path,) = tft.experimental.ptransform_analyzer(
        inputs=[values],
        ptransform=_Learn(column, list(earlier), top_k, min_count, no_key),
        output_dtypes=[tf.string],
        output_shapes=[[]],
        output_asset_default_values=[no_key.encode()],
        name=name,
    )
    tft.annotators.annotate_asset(column, column)
    return path


class _Learn(tft_beam.experimental.PTransformAnalyzer):
    """Counts keys and writes the vocabulary file."""

    def __init__(
        self,
        column: str,
        earlier: list[str],
        top_k: int | None,
        min_count: int,
        no_key: str,
    ) -> None:
        super().__init__()
        self._column = column
        self._earlier = earlier
        self._top_k = top_k
        self._min_count = min_count
        self._no_key = no_key

    def expand(
        self, batches: beam.PCollection[tuple[np.ndarray]]
    ) -> beam.PCollection[np.ndarray]:
        folder = os.path.join(self.base_temp_dir, uuid.uuid4().hex)
        path = os.path.join(folder, self._column)
        least = self._min_count
        return (
            batches
            | "Count" >> beam.FlatMap(_counts)
            | "Sum" >> beam.CombinePerKey(sum)
            | "Frequent" >> beam.Filter(lambda pair: pair[1] >= least)
            | "Together" >> beam.combiners.ToList()
            | "Write"
            >> beam.Map(_write, path, self._earlier, self._top_k, self._no_key)
        )


def _is_int(key: str) -> bool:
    return key.removeprefix("-").isdecimal()


def _counts(batch: tuple[np.ndarray]) -> Iterator[tuple[bytes, int]]:
    keys, counts = np.unique(batch[0], return_counts=True)
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        written = key if isinstance(key, bytes) else str(key).encode()
        # As TFT: neither can be a line of a file.
        if written and b"\n" not in written and b"\r" not in written:
            yield written, count


def _write(
    counted: Iterable[tuple[bytes, int]],
    path: str,
    earlier: Sequence[str],
    top_k: int | None,
    no_key: str,
) -> np.ndarray:
    # As TFT orders them: most frequent first, then the last by their bytes.
    ordered = sorted(counted, key=lambda pair: (pair[1], pair[0]), reverse=True)
    kept = [key.decode("utf-8", "surrogateescape") for key, _ in ordered[:top_k]]
    keys = kept_ids.merge(earlier, kept, top_k) or [no_key]
    fileio.makedirs(os.path.dirname(path))
    with fileio.open(path, "wb") as file:
        for key in keys:
            file.write(key.encode("utf-8", "surrogateescape") + b"\n")
    return np.array(path, dtype=object)
