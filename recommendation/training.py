"""Fits a model on timelines, keeping the weights that rank best on validation."""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from ondevice_rec.recommendation import optimizers, workers
from ondevice_rec.recommendation.feed.timeline_source import Source
from ondevice_rec.recommendation.feed.training_feed import open_feed
from ondevice_rec.recommendation.fit_watch import FitWatch
from ondevice_rec.recommendation.learner import Learner
from ondevice_rec.recommendation.losses import LOSSES
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.validation import Validation
from ondevice_rec.schemas import pipeline_config_pb2, training_check
from ondevice_rec.schemas.errors import UserError

logger = logging.getLogger("ondevice_rec.training")

# What early stopping and the choice of the best weights look at.
MONITORED = "recall@10"
_TOP_K = (10,)
# Steps run between two looks from Python: the more, the less they cost.
_STEPS_PER_EXECUTION = 32


@dataclasses.dataclass(frozen=True)
class TrainingReport:
    """What a training did.

    Attributes:
      epochs: Epochs run, those after the best one included.
      best_epoch: Epoch whose weights were kept, from 1 on.
      steps: Optimizer steps run.
      examples: Targets in one epoch.
      best_validation_recall: Recall@10 on the validation split after `best_epoch`.
      seconds: Wall time of the fit, validation included.
      history: One entry per epoch for `loss`, `val_recall@10` and `val_ndcg@10`.
    """

    epochs: int
    best_epoch: int
    steps: int
    examples: int
    best_validation_recall: float
    seconds: float
    history: Mapping[str, Sequence[float]]


def train(
    model: RecommendationModel,
    train_source: Source,
    validation_source: Source,
    training: pipeline_config_pb2.Training,
    log_dir: str,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> TrainingReport:
    """Fits `model` in place; it ends with the weights of its best epoch.

    Call `seed` before the model is made: then the same data and configuration give
    the same weights on the same machine. Where `$TF_CONFIG` names several processes,
    each of them calls this with the same arguments and a model that was made in
    `workers.scope()`; `batch_size` is that of all together, and the first one writes
    the logs.

    Args:
      model: A model that is not compiled yet.
      train_source: Transformed timelines of the train split, TFRecord files or
        `Timelines`.
      validation_source: Those of the validation split.
      training: Optimizer, batch size, epochs.
      log_dir: Folder for TensorBoard.
      callbacks: Further ones; they see the validation's metrics.

    Raises:
      UserError: a setting is out of range, there is nothing to learn from or to
        measure on, or the loss is not a number.
    """
    training_check.validate(training)
    feed = open_feed(
        train_source, model.feature_spec, training.batch_size, training.seed
    )
    rows, labels = feed.count()
    if not labels:
        raise UserError(
            "The train split has no event with an earlier event and an item of the "
            "vocabulary. Lower `min_vocab_count` or the `filters`, or use a longer log."
        )
    steps, per_execution = _steps(rows, training.batch_size)
    batches, kind = feed.batches, Learner
    if workers.strategy() is not None:
        from ondevice_rec.recommendation import multi_worker_learner

        kind = multi_worker_learner.MultiWorkerLearner
        batches = multi_worker_learner.shared_among_processes(batches)
    with workers.scope():
        learner = kind(model, LOSSES[training.loss].create(training), feed.on_timelines)
        learner.compile(
            optimizer=optimizers.create(training, steps * training.epochs),
            steps_per_execution=per_execution,
            # Sequences vary in length: TensorFlow would compile each. JAX must.
            jit_compile=keras.backend.backend() != "tensorflow",
        )
    validation = Validation(model, validation_source, _TOP_K)
    watch = _Watch(model, validation, training, steps)
    start = time.perf_counter()
    history = learner.fit(
        batches,
        steps_per_epoch=steps,
        epochs=training.epochs,
        verbose=0,
        callbacks=[
            watch,
            *_logs(log_dir),
            *callbacks,
        ],
    ).history
    epochs = len(history["loss"])
    return TrainingReport(
        epochs=epochs,
        best_epoch=watch.best_epoch,
        steps=epochs * steps,
        examples=labels,
        best_validation_recall=watch.best,
        seconds=time.perf_counter() - start,
        history=history,
    )


def _logs(log_dir: str) -> list[keras.callbacks.Callback]:
    if not workers.is_chief():
        return []
    return [keras.callbacks.TensorBoard(log_dir, write_graph=False)]


def seed(training: pipeline_config_pb2.Training) -> None:
    """Makes Keras's and numpy's randomness, initial weights included, repeatable.

    Raises:
      UserError: a setting is out of range.
    """
    training_check.validate(training)
    keras.utils.set_random_seed(training.seed)


def _steps(examples: int, batch_size: int) -> tuple[int, int]:
    """Steps in an epoch, and how many of them are run at once.

    Keras runs whole executions only, so the epoch is rounded up to them, by less than
    one step per execution.
    """
    executions = math.ceil(math.ceil(examples / batch_size) / _STEPS_PER_EXECUTION)
    per_execution = math.ceil(examples / batch_size / executions)
    return executions * per_execution, per_execution


class _Watch(FitWatch):
    """Also validates, keeps the best weights, and stops when it is time."""

    def __init__(
        self,
        model: RecommendationModel,
        validation: Validation,
        training: pipeline_config_pb2.Training,
        steps: int,
    ) -> None:
        super().__init__(steps, training.epochs, training.learning_rate)
        self._trained = model
        self._validation = validation
        self._patience = training.early_stopping_patience
        self._weights: list[Any] = []
        self._best_quality = (-math.inf, -math.inf)
        self.best_epoch = 0

    @property
    def best(self) -> float:
        """Validation recall of the best epoch."""
        return self._best_quality[0]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        metrics = self._validation.measure()
        # The callbacks after this one, TensorBoard and the history, read them here.
        for name in (MONITORED, "ndcg@10"):
            logs[f"val_{name}"] = metrics[name]
        self._report(
            epoch + 1,
            f"loss {logs['loss']:.3f}, validation {MONITORED} {metrics[MONITORED]:.4f}",
        )
        # Recall alone stands still where the catalogue is small: NDCG decides then.
        quality = (metrics[MONITORED], metrics["ndcg@10"])
        if quality > self._best_quality:
            self._best_quality, self.best_epoch = quality, epoch + 1
            self._weights = self._trained.get_weights()
        elif epoch + 1 - self.best_epoch >= self._patience:
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        self._trained.set_weights(self._weights)
