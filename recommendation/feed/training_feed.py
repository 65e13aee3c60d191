"""What a model is trained on, by what its encoders can learn from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from ondevice_rec.recommendation.feed import sequences, windows
from ondevice_rec.recommendation.feed.timeline_source import Source, as_is
from ondevice_rec.recommendation.learner import LABEL
from ondevice_rec.recommendation.spec import InputSpec
from ondevice_rec.schemas import input_spec_check


@dataclasses.dataclass(frozen=True)
class Feed:
    """What a model learns from.

    Attributes:
      batches: Batches as `Learner` takes them, without end.
      on_timelines: Whether every event of a sequence has a label.
      count: Reads the timelines once and returns the number of windows or sequences
        and of targets in one epoch.
    """

    batches: tf.data.Dataset
    on_timelines: bool
    count: Callable[[], tuple[int, int]]


def open_feed(
    source: Source, input_spec: InputSpec, batch_size: int, seed: int | None
) -> Feed:
    """Sequences for causal encoders, windows for the others.

    Args:
      source: Transformed timelines of the train split.
      input_spec: What the model reads and predicts.
      batch_size: Windows or sequences per batch.
      seed: Decides the order, another one every epoch; None keeps that of the source.

    Raises:
      UserError: no timelines, or a column is missing or not transformed.
    """
    if input_spec_check.trains_on_timelines(
        input_spec
    ) and sequences.has_one_value_per_event(source, input_spec):
        return Feed(
            sequences.training_sequences(
                source, input_spec, batch_size, seed=seed, repeat=True
            ),
            on_timelines=True,
            count=lambda: sequences.count_training_sequences(
                source, input_spec, seed=seed
            ),
        )

    def count() -> tuple[int, int]:
        found = windows.count_training_windows(source, input_spec)
        return found, found

    batches = windows.training_windows(
        source, input_spec, batch_size, seed=seed, repeat=True
    ).map(as_is(lambda features, label: {**features, LABEL: label}))
    return Feed(batches, on_timelines=False, count=count)
