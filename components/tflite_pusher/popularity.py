"""What to recommend to somebody without a history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ondevice_rec.recommendation.export.assets import ModelAssets
from ondevice_rec.recommendation.feed.timeline_source import (
    BLOCK_TIMELINES,
    open_source,
)
from ondevice_rec.schemas import timeline

# Enough for a page of an app.
MIN_ITEMS = 100


def popular_items(train_files: Sequence[str], assets: ModelAssets) -> dict[str, int]:
    """The items with most events in training.

    Args:
      train_files: Transformed timelines of the train split.
      assets: The model's.

    Returns:
      Events by key, most first, of `MIN_ITEMS` items or as many as the model
      recommends; of equal ones the lower id is first. Items without events are none.
    """
    column = assets.item_column
    source = open_source(train_files)
    keys = assets.items.keys
    counts = np.zeros(len(keys), np.int64)
    wanted = {column: tf.int64, timeline.TARGET: tf.int64}
    for block, _ in source.blocks(None, BLOCK_TIMELINES):
        columns = source.columns(block, wanted)
        ids = columns[column].flat_values.numpy()
        # Segments of a timeline overlap; each event is a target once.
        targets = columns[timeline.TARGET].flat_values.numpy() == 1
        counts += np.bincount(ids[targets], minlength=len(keys))
    best = np.argsort(-counts[1:], kind="stable") + 1
    kept = best[: max(MIN_ITEMS, assets.hparams.num_predictions)]
    return {keys[id_]: int(counts[id_]) for id_ in kept.tolist() if counts[id_]}
