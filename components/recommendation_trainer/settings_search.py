"""A search for settings that ends in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial, TrialStatus

from ondevice_rec.recommendation import progress
from ondevice_rec.recommendation.training import TrainingReport
from ondevice_rec.schemas.errors import UserError

OBJECTIVE = "val_ndcg@10"

# Trains with some values, the callback among those of the fit.
Train = Callable[[Mapping[str, float], keras.callbacks.Callback], TrainingReport]


class SettingsSearch(BaseTuner):
    """Trains with one draw of values after the other until the time is over.

    A training whose settings cannot be, or whose loss is no number, is a failed trial;
    after three in a row KerasTuner gives up.

    Args:
      choices: Values to draw from, by setting.
      first: The values of the first trial.
      train: Trains a model.
      minutes: When they are over, no trial begins and the one that runs ends with the
        epoch.
      max_trials: The most trials.
      seed: Decides the draws.
      directory: For KerasTuner's files.
    """

    def __init__(
        self,
        choices: Mapping[str, list[float]],
        first: Mapping[str, float],
        train: Train,
        minutes: float,
        max_trials: int,
        seed: int,
        directory: str,
    ) -> None:
        self._train = train
        self._seconds = 60.0 * minutes
        self._began = time.monotonic()
        space = keras_tuner.HyperParameters()
        for name, values in choices.items():
            # What is set is tried too: a search must not make things worse.
            space.Choice(
                name, sorted({*values, first[name]}), default=first[name], ordered=True
            )
        super().__init__(
            oracle=_Draws(self._is_over, space, max_trials, seed),
            directory=directory,
            project_name="tuning",
        )

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Runs the trials; the minutes are counted from here."""
        self._began = time.monotonic()
        super().search(*fit_args, **fit_kwargs)

    def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Trains with the trial's values.

        Returns:
          The NDCG@10 on the validation split of the epoch that was kept.
        """
        done = time.monotonic() - self._began
        number = len(self.oracle.trials)
        progress.report("tuning", done, self._seconds, f"training number {number}")
        try:
            report = self._train(trial.hyperparameters.values, _End(self._is_over))
        except UserError as error:
            raise keras_tuner.errors.FailedTrialError(str(error)) from error
        return {OBJECTIVE: report.history[OBJECTIVE][report.best_epoch - 1]}

    def _is_over(self) -> bool:
        return time.monotonic() - self._began >= self._seconds


class _Draws(keras_tuner.oracles.RandomSearchOracle):
    """First the values that are set, then others by chance, while there is time."""

    def __init__(
        self,
        is_over: Callable[[], bool],
        space: keras_tuner.HyperParameters,
        max_trials: int,
        seed: int,
    ) -> None:
        super().__init__(
            objective=keras_tuner.Objective(OBJECTIVE, "max"),
            max_trials=max_trials,
            seed=seed,
            hyperparameters=space,
        )
        self._is_over = is_over

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if not self.trials:
            values = {hp.name: hp.default for hp in self.hyperparameters.space}
            return {"status": TrialStatus.RUNNING, "values": values}
        if self._is_over():
            return {"status": TrialStatus.STOPPED, "values": None}
        found: dict[str, Any] = super().populate_space(trial_id)
        return found


class _End(keras.callbacks.Callback):
    """Ends a training when the time is over."""

    def __init__(self, is_over: Callable[[], bool]) -> None:
        super().__init__()
        self._is_over = is_over

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._is_over():
            self.model.stop_training = True
