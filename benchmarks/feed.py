"""How many windows a second the input function feeds to `fit`.

    python -m benchmarks.feed [--json FILE]

Transformed timelines of MovieLens-1M's size: 6,040 users, 1 M events, 3,706 items,
lengths and popularity drawn with its skew. The model that is fitted does nothing, so
that the feed alone is timed; "iterate" is the dataset without `fit`.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from google.protobuf import text_format

from benchmarks import report
from ondevice_rec.recommendation.feed import windows
from ondevice_rec.recommendation.spec import InputSpec

USERS, EVENTS, ITEMS = 6_040, 1_000_209, 3_706
BATCH_SIZE = 4096
REPEATS = 5


def write_timelines(path: Path) -> None:
    """One TFRecord file, lengths log-normal, at least 20 as in MovieLens."""
    rng = np.random.default_rng(0)
    lengths = 20 + rng.lognormal(4.1, 1.1, USERS)
    lengths = (lengths * EVENTS / lengths.sum()).astype(int)
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for user, length in enumerate(lengths):
            items = np.minimum(1 + rng.exponential(500, length).astype(int), ITEMS)
            features = {
                "user": tf.train.BytesList(value=[str(user).encode()]),
                "item": tf.train.Int64List(value=items),
                "timestamp": tf.train.Int64List(
                    value=978_300_000 + rng.integers(0, 60, length).cumsum()
                ),
                "target": tf.train.Int64List(value=np.ones(length, int)),
                "overlap": tf.train.Int64List(value=[0]),
            }
            example = tf.train.Example(
                features=tf.train.Features(
                    feature={
                        name: tf.train.Feature(bytes_list=values)
                        if name == "user"
                        else tf.train.Feature(int64_list=values)
                        for name, values in features.items()
                    }
                )
            )
            writer.write(example.SerializeToString())


class Idle(keras.Model):
    """Takes batches and learns nothing of them."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = self.add_weight(shape=(), initializer="zeros", name="scale")

    def call(self, features: dict[str, tf.Tensor]) -> tf.Tensor:
        column = keras.ops.cast(features["context_item"][:, :1], "float32")
        return column * self.scale


def spec(length: int) -> InputSpec:
    """The items of the context, the next item."""
    return text_format.Parse(
        f"""
        activity_feature_groups {{ features {{ feature_name: "context_item"
          feature_type: STRING feature_length: {length} }} }}
        label_feature {{ feature_name: "label_item" feature_type: STRING }}
        """,
        InputSpec(),
    )


def iterate(file: str, length: int) -> float:
    """Windows per second out of the dataset."""
    dataset = windows.training_windows([file], spec(length), BATCH_SIZE, seed=1)
    start = time.perf_counter()
    count = dataset.reduce(0, lambda total, batch: total + tf.size(batch[1]))
    return int(count) / (time.perf_counter() - start)


def fit(file: str, length: int) -> float:
    """Windows per second into `fit`."""
    dataset = windows.training_windows(
        [file], spec(length), BATCH_SIZE, seed=1, repeat=True
    )
    # Batches at the end of a block are smaller.
    sizes = [len(label) for _, label in dataset.take(256)]
    steps = len(sizes)
    model = Idle()
    model.compile("sgd", "mse", steps_per_execution=32, jit_compile=False)
    # Traces the step.
    model.fit(dataset, steps_per_epoch=32, verbose=0)
    start = time.perf_counter()
    model.fit(dataset, steps_per_epoch=steps, verbose=0)
    return sum(sizes) / (time.perf_counter() - start)


def main() -> None:
    """Measures and prints."""
    arguments = report.parser(__doc__).parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "timelines.gz"
        write_timelines(file)
        for length in (10, 50):
            for measure in (iterate, fit):
                rates = [measure(str(file), length) for _ in range(REPEATS)]
                rows.append(
                    {
                        "feed": measure.__name__,
                        "length": length,
                        "windows/s, median": round(statistics.median(rates)),
                        "least": round(min(rates)),
                        "most": round(max(rates)),
                    }
                )
    report.publish("Windows out of transformed timelines", rows, arguments.json)


if __name__ == "__main__":
    main()
