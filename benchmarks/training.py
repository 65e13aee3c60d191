"""Whether the input function keeps a training waiting.

    python -m benchmarks.training [--encoders STATE_SPACE BOW] [--json FILE]

Steps of the trainer's own `fit` on the timelines of `benchmarks.feed`, once from the
files, once from the very same batches held in memory; the two take turns.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from google.protobuf import text_format

from benchmarks import report
from benchmarks.feed import ITEMS, write_timelines
from ondevice_rec.recommendation import optimizers
from ondevice_rec.recommendation.feed.training_feed import open_feed
from ondevice_rec.recommendation.learner import Learner
from ondevice_rec.recommendation.losses.global_softmax import GlobalSoftmax
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import InputSpec, ModelHParams
from ondevice_rec.schemas import pipeline_config_pb2

LENGTH, DIM = 50, 64
# Sequences, or windows, in a step; steps in a measurement.
SIZES = {"STATE_SPACE": (32, 64), "TRANSFORMER": (32, 64), "BOW": (512, 64)}
EPOCHS, TURNS = 3, 2


def learner(encoder: str, on_timelines: bool) -> Learner:
    """A model ready for `fit`."""
    feature = f"feature_type: STRING vocab_size: {ITEMS + 1} embedding_dim: {DIM}"
    spec = text_format.Parse(
        f"""
        activity_feature_groups {{ encoder_type: {encoder}
          features {{ feature_name: "context_item" feature_length: {LENGTH}
            {feature} }} }}
        label_feature {{ feature_name: "label_item" {feature} }}
        """,
        InputSpec(),
    )
    model = RecommendationModel(
        spec, ModelHParams([], [10], [], 1, 1, projection_activation="linear")
    )
    found = Learner(model, GlobalSoftmax(), on_timelines)
    found.compile(
        optimizers.create(pipeline_config_pb2.Training(), 1),
        steps_per_execution=32,
        jit_compile=False,
    )
    return found


class _Clock(keras.callbacks.Callback):
    """Steps a second of each epoch but the first, which traces the step."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._steps = steps
        self._began = 0.0
        self.rates: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch:
            self.rates.append(self._steps / (time.perf_counter() - self._began))


def measure(file: str, encoder: str) -> dict[str, object]:
    """Steps a second from the files and from memory."""
    batch_size, steps = SIZES[encoder]
    keras.utils.set_random_seed(1)
    spec = learner(encoder, False).model.feature_spec
    feed = open_feed([file], spec, batch_size, seed=1)
    held = list(feed.batches.take(steps * (1 + EPOCHS)))
    signature = {
        name: tf.TensorSpec([None] * value.shape.rank, value.dtype)
        for name, value in held[0].items()
    }
    memory = tf.data.Dataset.from_generator(
        lambda: iter(held), output_signature=signature
    )
    memory = memory.cache().repeat()
    for _ in memory.take(len(held)):
        # Out of Python they would wait for its lock: now they are in the cache.
        pass
    sources = {
        # Opened anew, it begins with the same batches, of the same lengths.
        "files": lambda: open_feed([file], spec, batch_size, seed=1).batches,
        "memory": lambda: memory,
    }
    rates: dict[str, list[float]] = {name: [] for name in sources}
    for _ in range(TURNS):
        for name, batches in sources.items():
            clock = _Clock(steps)
            learner(encoder, feed.on_timelines).fit(
                batches(),
                steps_per_epoch=steps,
                epochs=1 + EPOCHS,
                verbose=0,
                callbacks=[clock],
            )
            rates[name] += clock.rates
    medians = {name: statistics.median(found) for name, found in rates.items()}
    return {
        "encoder": encoder,
        "a step": f"{batch_size} {'sequences' if feed.on_timelines else 'windows'}",
        "steps/s from files": medians["files"],
        "steps/s from memory": medians["memory"],
        "ratio": medians["files"] / medians["memory"],
    }


def main() -> None:
    """Measures and prints."""
    parser = report.parser(__doc__)
    parser.add_argument(
        "--encoders", nargs="+", choices=sorted(SIZES), default=list(SIZES)
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "timelines.gz"
        write_timelines(file)
        rows = [measure(str(file), encoder) for encoder in arguments.encoders]
    report.publish("Training from files and from memory", rows, arguments.json)


if __name__ == "__main__":
    main()
