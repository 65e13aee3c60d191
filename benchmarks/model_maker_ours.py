"""Our side of `benchmarks.model_maker`: the public API on the same windows."""

from __future__ import annotations

import dataclasses
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import pandas as pd
from google.protobuf import text_format

from ondevice_rec import recommendation
from ondevice_rec.recommendation.config import ExportFormat
from ondevice_rec.recommendation.feed.timelines import Timelines
from ondevice_rec.recommendation.spec import InputSpec, ModelHParams

# A rate's clock starts this long after the first report, which comes after tracing.
WARM_UP_SECONDS = 2.0
_STEPS_PER_EPOCH = 100_000


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    Attributes:
      batch_size: Examples per step.
      settings: Of `recommendation.Recommendation`.
      hparams: Of `ModelHParams`, beside those that both sides have.
    """

    batch_size: int
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    hparams: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class Ours:
    """Does what `model_maker_original.Original` does.

    Args:
      folder: With `ratings.dat` and `test.npz`.
    """

    def __init__(self, folder: str) -> None:
        self._timelines, self._vocab = _all_but_last(f"{folder}/ratings.dat")
        self._context = np.load(f"{folder}/test.npz")["context"].astype(np.int32)

    @property
    def windows(self) -> int:
        """Windows to learn from."""
        events = len(self._timelines.timestamp)
        return events - len(self._timelines)

    def rate(
        self, spec: str, hparams: dict[str, Any], recipe: Recipe, seconds: float
    ) -> float:
        """Examples a second while training."""
        clock = _Clock(seconds, WARM_UP_SECONDS)
        self._train(spec, hparams, recipe, clock)
        return clock.steps * recipe.batch_size / clock.seconds

    def recommend(
        self, spec: str, hparams: dict[str, Any], recipe: Recipe, seconds: float
    ) -> tuple[np.ndarray, int, float]:
        """The 10 best ids of each test window after a training of some time.

        Returns:
          int32 `[windows, 10]`, the examples trained on, and the training's seconds.
        """
        clock = _Clock(seconds)
        began = time.perf_counter()
        task = self._train(spec, hparams, recipe, clock)
        assert task.model is not None
        took = time.perf_counter() - began
        ids, _ = task.model.recommend({"context_movie_id": self._context})
        return np.asarray(ids), round(clock.steps * recipe.batch_size), took

    def export(self, spec: str, hparams: dict[str, Any], path: str) -> str:
        """Writes the TFLite model, untrained."""
        with tempfile.TemporaryDirectory() as folder:
            task = recommendation.create(
                self._data(spec), _model_spec(spec, hparams, {}), folder, do_train=False
            )
            formats = [ExportFormat.TFLITE, ExportFormat.SAVED_MODEL]
            task.export(path, export_format=formats)
        return os.path.join(path, "model.tflite")

    def _train(
        self, spec: str, hparams: dict[str, Any], recipe: Recipe, clock: _Clock
    ) -> recommendation.Recommendation:
        with tempfile.TemporaryDirectory() as folder, _listening(clock):
            task = recommendation.Recommendation(
                _model_spec(spec, hparams, recipe.hparams), folder, **recipe.settings
            )
            with suppress(_TimeUpError):
                task.train(
                    self._data(spec),
                    batch_size=recipe.batch_size,
                    steps_per_epoch=_STEPS_PER_EPOCH,
                    epochs=1000,
                )
        return task

    def _data(self, spec: str) -> recommendation.DataLoader:
        return recommendation.DataLoader(
            self._timelines, None, self._vocab, input_spec=_parsed(spec)
        )


class _TimeUpError(Exception):
    """Ends a training."""


class _Clock(logging.Handler):
    """Ends a training after a time; reads how far it is off its progress reports."""

    def __init__(self, seconds: float, warm_up: float | None = None) -> None:
        super().__init__()
        self._seconds = seconds
        self._warm_up = warm_up
        self._began = time.perf_counter()
        self._start = 0.0 if warm_up is None else None
        self._warm_at: float | None = None
        self.steps = 0.0
        self.seconds = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Looks at a report of a training: `done` is in epochs."""
        now, done = time.perf_counter(), vars(record)["done"]
        if self._start is None:
            assert self._warm_up is not None
            if self._warm_at is None:
                self._warm_at = now + self._warm_up
            if now >= self._warm_at:
                self._began, self._start = now, done
            return
        self.steps = (done - self._start) * _STEPS_PER_EPOCH
        self.seconds = now - self._began
        if self.seconds >= self._seconds:
            raise _TimeUpError


@contextmanager
def _listening(clock: _Clock) -> Iterator[None]:
    reports = logging.getLogger("ondevice_rec.progress")
    reports.setLevel(logging.INFO)
    reports.propagate = False
    reports.addHandler(clock)
    try:
        yield
    finally:
        reports.removeHandler(clock)


def _parsed(spec: str) -> InputSpec:
    return text_format.Parse(spec, InputSpec())


def _model_spec(
    spec: str, hparams: dict[str, Any], more: Mapping[str, Any]
) -> recommendation.ModelSpec:
    return recommendation.ModelSpec(_parsed(spec), ModelHParams(**hparams, **more))


def _all_but_last(path: str) -> tuple[Timelines, dict[int, dict[str, Any]]]:
    """The users' timelines without their last events; the movies rated."""
    names = ["user", "item", "rating", "timestamp"]
    log = pd.read_csv(path, sep=":", usecols=[0, 2, 4, 6], names=range(7))
    log = log.set_axis(names, axis=1).sort_values(["user", "timestamp"], kind="stable")
    vocab = {int(id_): {"id": int(id_), "title": ""} for id_ in log["item"].unique()}
    log = log[log["user"].duplicated(keep="last")]
    users, counts = np.unique(log["user"], return_counts=True)
    return Timelines(
        users=[str(user).encode() for user in users],
        row_splits=np.append(0, counts.cumsum()),
        timestamp=log["timestamp"].to_numpy(),
        target=np.ones(len(log), np.int64),
        columns={"movie_id": log["item"].to_numpy()},
    ), vocab
