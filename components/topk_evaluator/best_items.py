"""The best items of each row of scores, faster than `tf.math.top_k` on a CPU.

That keeps a heap for every row, and looks at each score by itself. Here the columns
fall into groups, whose maxima are cheap: of the k + 1 best groups each has an item as
good as the worst of their maxima, so k items are that good, and few others are.
"""

from __future__ import annotations

import tensorflow as tf

from ondevice_rec.schemas.timeline import OOV_ID

# Columns of one group; about the root of a small vocabulary.
_GROUP = 32
# Fewer groups than this many times k do not leave out enough.
_MIN_GROUPS = 4
# Where scores are equal, or hidden, whole rows may remain; then there is no gain.
_MAX_REMAINING = 16


def best_items(scores: tf.Tensor, count: int) -> tf.Tensor:
    """Ids of the best items, best first; of equal ones the lower id is first.

    Args:
      scores: float32 `[queries, vocab_size]`; those of id 0 do not count, those of
        -inf are no items.
      count: Items wanted.

    Returns:
      int32 `[queries, min(count, vocab_size - 1)]`, 0 where there are no more, or
      scores are NaN.
    """
    vocab_size = scores.shape[1]
    count = min(count, vocab_size - 1)
    groups = vocab_size // _GROUP
    if groups < _MIN_GROUPS * count:
        return _by_heap(scores, count)
    grouped = tf.reshape(scores[:, : groups * _GROUP], [-1, _GROUP, groups])
    maxima = tf.reduce_max(grouped, axis=1)
    # One more, since the best one may be id 0.
    bound = tf.math.top_k(maxima, count + 1).values[:, -1:]
    flat = tf.where(tf.reshape(scores >= bound, [-1]))[:, 0]
    most = _MAX_REMAINING * count * tf.shape(scores, tf.int64)[0]
    return tf.cond(
        tf.size(flat, tf.int64) > most,
        lambda: _by_heap(scores, count),
        lambda: _of_remaining(scores, flat, count),
    )


def _by_heap(scores: tf.Tensor, count: int) -> tf.Tensor:
    best, places = tf.math.top_k(scores[:, OOV_ID + 1 :], count)
    return tf.where(best > -float("inf"), places + OOV_ID + 1, OOV_ID)


def _of_remaining(scores: tf.Tensor, flat: tf.Tensor, count: int) -> tf.Tensor:
    """Of the scores at some places only, counted row by row and increasing."""
    queries = tf.shape(scores, tf.int64)[0]
    row, id_ = flat // scores.shape[1], tf.cast(flat % scores.shape[1], tf.int32)
    values = tf.gather(tf.reshape(scores, [-1]), flat)
    lowest = -float("inf")
    values = tf.where(id_ == OOV_ID, lowest, values)
    # So that there are enough columns, whatever the scores are.
    padding = [[0, 0], [0, count]]
    table, ids = (
        tf.pad(
            tf.RaggedTensor.from_value_rowids(each, row, queries).to_tensor(blank),
            padding,
            constant_values=blank,
        )
        for each, blank in ((values, lowest), (id_, OOV_ID))
    )
    best, places = tf.math.top_k(table, count)
    return tf.where(best > lowest, tf.gather(ids, places, batch_dims=1), OOV_ID)
