"""What every fit looks after: its loss, and how far it has come."""

from __future__ import annotations

import math
import time
from typing import Any

import keras

from ondevice_rec.recommendation import progress
from ondevice_rec.schemas.errors import UserError

_SECONDS_BETWEEN_REPORTS = 1.0


class FitWatch(keras.callbacks.Callback):
    """Reports progress, and stops where there is no loss any more.

    Args:
      steps: In one epoch.
      epochs: Asked for.
      learning_rate: For the advice where the loss is not a number.

    Raises:
      UserError: while training, the loss is not a finite number.
    """

    def __init__(self, steps: int, epochs: int, learning_rate: float) -> None:
        super().__init__()
        self._steps = steps
        self._epochs = epochs
        self._learning_rate = learning_rate
        self._epoch = 0
        self._reported = -math.inf

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise UserError(
                f"The loss became {loss} in epoch {self._epoch + 1}, step {batch + 1}. "
                f"Lower `learning_rate`, received {self._learning_rate}, or set "
                "`gradient_clip_norm`."
            )
        now = time.monotonic()
        if now - self._reported >= _SECONDS_BETWEEN_REPORTS:
            self._reported = now
            self._report(self._epoch + (batch + 1) / self._steps, f"loss {loss:.3f}")

    def _report(self, epochs: float, detail: str) -> None:
        progress.report("training", epochs, self._epochs, detail)
