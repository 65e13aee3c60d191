"""A `Learner` that several processes train together, on TensorFlow.

Keras 3's own `fit` cannot (3.12): before the first step it hands a whole
batch to `strategy.reduce`, which takes single tensors, and after each step it reduces
the loss, a scalar, along its first axis. Both are replaced here; gradients are added
up by Keras's optimizer, and every process takes its share of each batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from ondevice_rec.recommendation.learner import Learner


class MultiWorkerLearner(Learner):
    """See the module; must be made and compiled in the strategy's scope."""

    def _maybe_symbolic_build(
        self, iterator: Any = None, data_batch: Any = None
    ) -> None:
        """Nothing: a learner is made with its variables."""

    def make_train_function(self, force: bool = False) -> None:
        """Makes `train_function`: from an iterator of batches to means of metrics."""
        strategy = self.distribute_strategy

        @tf.function
        def one_step(batch: Any) -> dict[str, tf.Tensor]:
            metrics = strategy.run(self.train_step, args=(batch,))
            return {
                name: strategy.reduce("MEAN", value, axis=None)
                for name, value in metrics.items()
            }

        def train(iterator: Iterator[Any]) -> dict[str, tf.Tensor]:
            for _ in range(self.steps_per_execution):
                metrics = one_step(next(iterator))
            return metrics

        self.train_function = train


def shared_among_processes(batches: tf.data.Dataset) -> tf.data.Dataset:
    """The same batches, each divided among the processes.

    Every process reads all timelines, and computes its part of each batch: the batches
    are those of one process.
    """
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    return batches.with_options(options)
