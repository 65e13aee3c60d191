"""How the recommendation task fits a model and measures it."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ondevice_rec.recommendation import optimizers
from ondevice_rec.recommendation.data.example_loader import ExampleLoader
from ondevice_rec.recommendation.feed.timeline_source import as_is
from ondevice_rec.recommendation.feed.timelines import Timelines
from ondevice_rec.recommendation.feed.training_feed import open_feed
from ondevice_rec.recommendation.fit_watch import FitWatch
from ondevice_rec.recommendation.learner import LABEL, Learner
from ondevice_rec.recommendation.losses import LOSSES
from ondevice_rec.recommendation.losses.global_softmax import GlobalSoftmax
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import InputSpec
from ondevice_rec.recommendation.task.measured_learner import MeasuredLearner
from ondevice_rec.schemas import pipeline_config_pb2
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.input_spec_check import context_features, trains_on_timelines

# Steps run between two looks from Python: the more, the less they cost.
_STEPS_PER_EXECUTION = 50
_STEPS_WORTH_COMPILING = 1000
# Similarities of a step, batch times vocabulary: what a processor's caches hold.
_LARGEST_COMPILED = 1 << 20
# The others draw negatives.
_COMPILABLE_LOSSES = ("global_softmax", "batch_softmax")


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """How weights are changed; see `Recommendation`.

    Raises:
      UserError: a setting is out of range.
    """

    learning_rate: float
    gradient_clip_norm: float
    optimizer: str
    loss: str
    seed: int | None

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < math.inf:
            raise UserError(
                f"`learning_rate` must be > 0, received {self.learning_rate}."
            )
        for field, value, enum in (
            ("optimizer", self.optimizer, pipeline_config_pb2.Optimizer),
            ("loss", self.loss, pipeline_config_pb2.Loss),
        ):
            names = [name.lower() for name, _ in enum.items()]
            if value not in names:
                raise UserError(
                    f"`{field}` must be one of {', '.join(names)}, received {value!r}."
                )

    def training(self) -> pipeline_config_pb2.Training:
        """The same as the pipeline has it, with its defaults for everything else."""
        return pipeline_config_pb2.Training(
            learning_rate=self.learning_rate,
            gradient_clip_norm=max(self.gradient_clip_norm, 0.0),
            optimizer=self.optimizer.upper(),
            loss=self.loss.upper(),
        )


def fit(
    model: RecommendationModel,
    train_data: ExampleLoader,
    validation_data: ExampleLoader | None,
    evaluator: Evaluator,
    *,
    batch_size: int,
    steps_per_epoch: int,
    epochs: int,
    shuffle: bool,
    settings: TrainingSettings,
    callbacks: Sequence[keras.callbacks.Callback],
) -> keras.callbacks.History:
    """Trains a model in place; see `Recommendation.train`.

    Encoders that can learn from every event of a timeline at once do: a step then takes
    `batch_size` sequences, and there are no metrics but the loss and the validation's.
    """
    spec = model.feature_spec
    batches, on_timelines = _training_batches(
        train_data, spec, batch_size, shuffle, settings.seed
    )
    training = settings.training()
    loss = LOSSES[training.loss].create(training)
    learner = (
        Learner(model, loss, on_timelines=True)
        if on_timelines
        else MeasuredLearner(model, loss, model.hparams.eval_top_k)
    )
    learner.compile(
        optimizers.create(training, steps_per_epoch * epochs),
        steps_per_execution=_per_execution(steps_per_epoch),
        jit_compile=_jit_compile(
            settings,
            # Sequences vary in length, and each would be compiled.
            0 if on_timelines else steps_per_epoch * epochs,
            batch_size,
            spec.label_feature.vocab_size,
        ),
    )
    watch = _Watch(
        None
        if validation_data is None
        else functools.partial(evaluator.measure, validation_data, batch_size),
        steps_per_epoch,
        epochs,
        settings.learning_rate,
    )
    return learner.fit(
        batches,
        steps_per_epoch=steps_per_epoch,
        epochs=epochs,
        verbose=0,
        callbacks=[watch, *callbacks],
    )


class Evaluator:
    """Measures a model on all examples, whatever its weights are at the time.

    Made once for a model: what is compiled serves all data.

    Args:
      model: To measure.
    """

    def __init__(self, model: RecommendationModel) -> None:
        self._spec = model.feature_spec
        self._learner = MeasuredLearner(
            model, GlobalSoftmax(), model.hparams.eval_top_k
        )
        self._learner.compile(
            steps_per_execution=_per_execution(),
            jit_compile=keras.backend.backend() != "tensorflow",
        )

    def measure(self, data: ExampleLoader, batch_size: int) -> dict[str, float]:
        """The loss, then Model Maker's metrics, by name.

        Args:
          data: Examples of the model's features.
          batch_size: Examples per step.

        Raises:
          UserError: `batch_size` is below 1.
        """
        if batch_size < 1:
            raise UserError(f"`batch_size` must be >= 1, received {batch_size}.")
        batches = data.batches(batch_size).map(as_is(_inputs(self._spec)))
        found = self._learner.evaluate(batches, verbose=0, return_dict=True)
        names = ("loss", *self._learner.ranks.names)
        return {name: float(found[name]) for name in names}


def _training_batches(
    data: ExampleLoader,
    spec: InputSpec,
    batch_size: int,
    shuffle: bool,
    seed: int | None,
) -> tuple[tf.data.Dataset, bool]:
    if trains_on_timelines(spec) and isinstance(data.dataset, Timelines):
        if shuffle and seed is None:
            seed = int(np.random.randint(1 << 31))
        feed = open_feed(data.dataset, spec, batch_size, seed if shuffle else None)
        if feed.on_timelines:
            return feed.batches, True
    batches = data.gen_dataset(batch_size, is_training=True, shuffle=shuffle, seed=seed)
    return batches.map(as_is(_inputs(spec))), False


def _inputs(spec: InputSpec) -> Callable[..., Any]:
    """What `Learner` takes: the model's features, and the labels."""
    names = [feature.feature_name for feature in context_features(spec)]

    def inputs(features: dict[str, tf.Tensor], label: tf.Tensor) -> Any:
        return {**{name: features[name] for name in names}, LABEL: label}

    return inputs


def _per_execution(steps: int | None = None) -> int:
    """Steps run at once.

    Keras runs whole executions only, and the steps asked for are run exactly. JAX
    compiles every step of an execution anew.
    """
    if keras.backend.backend() != "tensorflow":
        return 1
    if steps is None:
        return _STEPS_PER_EXECUTION
    return max(n for n in range(1, _STEPS_PER_EXECUTION + 1) if steps % n == 0)


def _jit_compile(
    settings: TrainingSettings, steps: int, batch_size: int, vocab_size: int
) -> bool:
    """Whether XLA compiles the training step.

    It takes seconds to, and then small steps several times less; large ones are as
    quick without it. JAX has nothing else.
    """
    if keras.backend.backend() != "tensorflow":
        return True
    return (
        steps >= _STEPS_WORTH_COMPILING
        and batch_size * vocab_size <= _LARGEST_COMPILED
        and settings.loss in _COMPILABLE_LOSSES
    )


class _Watch(FitWatch):
    """Also validates after every epoch, if there is something to validate on."""

    def __init__(
        self,
        validate: Callable[[], dict[str, float]] | None,
        steps: int,
        epochs: int,
        learning_rate: float,
    ) -> None:
        super().__init__(steps, epochs, learning_rate)
        self._validate = validate

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        # The callbacks after this one, and the history, read them here.
        if self._validate is not None:
            for name, value in self._validate().items():
                logs[f"val_{name}"] = value
        self._report(epoch + 1, f"loss {float(logs['loss']):.3f}")
