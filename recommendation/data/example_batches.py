"""Batches of examples, from timelines or from a user's own data set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ondevice_rec.recommendation.feed import windows
from ondevice_rec.recommendation.feed.timeline_source import BLOCK_TIMELINES, as_is
from ondevice_rec.recommendation.feed.timelines import Timelines
from ondevice_rec.recommendation.spec import InputSpec

# Windows of timelines up to this many events are shuffled all together, which takes
# at most 128 bytes a feature and event.
_EVENTS_IN_A_BLOCK = 1 << 22
# Windows cut together where they are given out one by one.
_CHUNK = 4096
# Examples of a data set that are shuffled together.
_SHUFFLE_BUFFER = 1 << 18

Preprocess = Callable[..., Any]


def training_batches(
    timelines: Timelines, input_spec: InputSpec, batch_size: int, seed: int | None
) -> tf.data.Dataset:
    """Whole batches without an end; `seed` None keeps the order.

    Up to `batch_size` - 1 windows are left out of each pass, others every time.
    """
    batches = windows.training_windows(
        timelines,
        input_spec,
        batch_size,
        seed=seed,
        repeat=True,
        block_timelines=_block_timelines(timelines),
    )
    return batches.filter(_is_whole(batch_size)).map(
        as_is(_with_label(input_spec, batch_size))
    )


def evaluation_batches(
    timelines: Timelines, input_spec: InputSpec, batch_size: int, whole: bool = False
) -> tf.data.Dataset:
    """Every target with a context once, in order.

    A batch may be smaller, unless only `whole` ones are wanted: the last one of every
    `BLOCK_TIMELINES` timelines.
    """
    batches = windows.evaluation_windows(timelines, input_spec, batch_size).map(
        as_is(lambda features, label, query: (features, label))
    )
    if whole:
        batches = batches.filter(_is_whole(batch_size))
    before = np.append(0, np.cumsum(asked(timelines)))
    blocks = [*timelines.row_splits[:-1:BLOCK_TIMELINES], timelines.row_splits[-1]]
    counts = np.diff(before[blocks])
    sizes = counts // batch_size if whole else -(-counts // batch_size)
    # Keras takes the end of data of unknown size for an interruption, and warns.
    return batches.map(
        as_is(_with_label(input_spec, batch_size if whole else None))
    ).apply(tf.data.experimental.assert_cardinality(int(sizes.sum())))


def asked(timelines: Timelines) -> np.ndarray:
    """The examples: targets with an event before them; bool `[events]`."""
    found = timelines.target == 1
    starts = timelines.row_splits[:-1]
    found[starts[np.diff(timelines.row_splits) > 0]] = False
    return found


def examples(
    timelines: Timelines, input_spec: InputSpec, is_training: bool
) -> tf.data.Dataset:
    """One by one; labels outside the vocabulary are left out for training."""
    if is_training:
        batches = windows.training_windows(timelines, input_spec, _CHUNK)
        return batches.map(as_is(_with_label(input_spec, None))).unbatch()
    return evaluation_batches(timelines, input_spec, _CHUNK).unbatch()


def of_examples(
    dataset: tf.data.Dataset,
    size: int,
    batch_size: int,
    *,
    is_training: bool,
    shuffle: bool,
    seed: int | None,
    input_pipeline_context: tf.distribute.InputContext | None,
    preprocess: Preprocess | None,
    drop_remainder: bool,
) -> tf.data.Dataset:
    """Batches of a data set of single examples; without an end for training."""
    context = input_pipeline_context
    if context is not None and context.num_input_pipelines > 1:
        dataset = dataset.shard(context.num_input_pipelines, context.input_pipeline_id)
    if preprocess is not None:
        dataset = dataset.map(
            lambda features, label: preprocess(
                features, label, is_training=is_training
            ),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
    if is_training:
        if shuffle:
            dataset = dataset.shuffle(min(size, _SHUFFLE_BUFFER), seed=seed)
        # Before the batches are made, so that few examples fill one too.
        dataset = dataset.repeat()
    return dataset.batch(batch_size, drop_remainder=drop_remainder).prefetch(
        tf.data.AUTOTUNE
    )


def in_one_block(timelines: Timelines) -> bool:
    """Whether `evaluation_batches` are whole but for the last one."""
    return len(timelines) <= BLOCK_TIMELINES


def _block_timelines(timelines: Timelines) -> int:
    events = max(len(timelines.timestamp), 1)
    share = min(1.0, _EVENTS_IN_A_BLOCK / events)
    return max(1, int(len(timelines) * share))


def _is_whole(batch_size: int) -> Callable[..., Any]:
    return as_is(lambda features, label: tf.equal(tf.shape(label)[0], batch_size))


def _with_label(input_spec: InputSpec, batch_size: int | None) -> Callable[..., Any]:
    """Adds the label to the features; both get the label's shape `[batch, 1]`."""
    name = input_spec.label_feature.feature_name

    def add(features: dict[str, tf.Tensor], label: tf.Tensor) -> tuple[Any, tf.Tensor]:
        label = label[:, tf.newaxis]
        found = {**features, name: label}
        for tensor in found.values():
            tensor.set_shape([batch_size, *tensor.shape[1:]])
        return found, label

    return add
