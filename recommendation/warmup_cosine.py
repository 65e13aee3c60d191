"""A learning rate that rises, then falls to nothing."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

Tensor = Any


class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Rises along a line for the first steps, then falls along half a cosine to 0.

    The cosine is that of Loshchilov and Hutter (2017, arXiv:1608.03983), without
    restarts.

    Args:
      peak: The highest learning rate.
      steps: After this many it is 0.
      warmup_fraction: Share of the steps in which it rises.
    """

    def __init__(self, peak: float, steps: int, warmup_fraction: float) -> None:
        self.peak = peak
        self.steps = steps
        self.warmup_fraction = warmup_fraction

    def __call__(self, step: Tensor) -> Tensor:
        # The first step has a rate too.
        step = ops.cast(step, "float32") + 1.0
        warmup = self.steps * self.warmup_fraction
        rising = step / max(warmup, 1.0)
        done = (step - warmup) / max(self.steps - warmup, 1.0)
        falling = 0.5 * (1.0 + ops.cos(math.pi * ops.clip(done, 0.0, 1.0)))
        return self.peak * ops.minimum(rising, falling)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "steps": self.steps,
            "warmup_fraction": self.warmup_fraction,
        }
