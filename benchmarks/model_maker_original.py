"""The original's side of `benchmarks.model_maker`: its own code, in its own Python.

    python model_maker_original.py CHECKOUT FOLDER prepare
    python model_maker_original.py CHECKOUT FOLDER serve

CHECKOUT is one of https://github.com/tensorflow/examples, FOLDER holds the data.
`prepare` reads MovieLens-1M's `ratings.dat` and `movies.dat` from FOLDER and writes
`train.tfrecord`, all of a user's windows but the last, and `test.npz`, the last ones.
`serve` reads commands as JSON lines and answers each with one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

# The clock of a rate starts after this many steps and seconds: tracing, and the
# filling of the shuffle buffer, come before.
WARM_UP_STEPS = 5
WARM_UP_SECONDS = 2.0


def prepare(folder):
    """Writes the windows, by the original's example generation."""
    from data import example_generation_movielens as generation

    ratings, movies = generation.read_data(folder)
    timelines, _ = generation.convert_to_timelines(ratings)
    lengths = {"max_context_len": 10, "max_context_movie_genre_len": 10}
    train, _ = generation.generate_examples_from_timelines(
        {user: timeline[:-1] for user, timeline in timelines.items()},
        movies,
        train_data_fraction=1.0,
        random_seed=0,
        **lengths,
    )
    generation.write_tfrecords(train, f"{folder}/train.tfrecord")
    movies_by_id = generation.generate_movies_dict(movies)
    test = [
        generation.generate_examples_from_single_timeline(
            timelines[user][-11:], movies_by_id, **lengths
        )[-1].features.feature
        for user in sorted(timelines)
    ]
    np.savez(
        f"{folder}/test.npz",
        context=[example["context_movie_id"].int64_list.value for example in test],
        label=[example["label_movie_id"].int64_list.value[0] for example in test],
    )


class Clock(tf.keras.callbacks.Callback):
    """Stops the training after a time; counts the steps."""

    def __init__(self, seconds, warm_up):
        super().__init__()
        self._seconds = seconds
        self._warm_up = warm_up
        self._warm_steps = 0
        self.steps = 0

    def on_train_begin(self, logs=None):
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        self.seconds = time.perf_counter() - self._began
        if not self._warm_up:
            self.model.stop_training = self.seconds >= self._seconds
        elif self.steps >= WARM_UP_STEPS and self.seconds >= WARM_UP_SECONDS:
            self._warm_up = False
            self._began = time.perf_counter()
            self._warm_steps = self.steps

    def rate(self, batch_size):
        """Examples a second after the warm-up."""
        return (self.steps - self._warm_steps) * batch_size / self.seconds


class Original:
    """Answers commands."""

    def __init__(self, folder):
        from absl import flags
        from configs import input_config_generated_pb2, model_config
        from google.protobuf import text_format
        from model import input_pipeline, recommendation_model_launcher

        # Its learning rate and clipping are flags with defaults, Adagrad's 0.1 and 1.0.
        recommendation_model_launcher.define_flags()
        flags.FLAGS(sys.argv[:1])
        self._launcher = recommendation_model_launcher
        self._pipeline = input_pipeline
        self._folder = folder
        self._parse = lambda text: text_format.Parse(
            text, input_config_generated_pb2.InputConfig()
        )
        self._config = model_config.ModelConfig
        self._trained = {}

    def rate(self, spec, hparams, batch_size, seconds, metrics):
        """Examples a second while training, with its metrics or without."""
        # Kept, as tracing a model anew for each repeat would take most of the time.
        key = json.dumps([spec, hparams, batch_size, metrics])
        if key not in self._trained:
            model = self._model(spec, hparams)
            if not metrics:
                model.compile(optimizer=model.optimizer, loss=model.loss)
            self._trained[key] = model
        clock = self._fit(self._trained[key], spec, batch_size, seconds, warm_up=True)
        return {"rate": clock.rate(batch_size)}

    def recommend(self, spec, hparams, batch_size, seconds, path):
        """Trains for a time, then writes the 10 best ids of each test window."""
        model = self._model(spec, hparams)
        clock = self._fit(model, spec, batch_size, seconds, warm_up=False)
        context = np.load(f"{self._folder}/test.npz")["context"].astype(np.int32)
        # Id 0 is no item.
        scores = model({"context_movie_id": tf.constant(context)})[:, 1:]
        np.save(path, tf.math.top_k(scores, 10).indices.numpy() + 1)
        return {"examples": clock.steps * batch_size, "seconds": clock.seconds}

    def export(self, spec, hparams, path):
        """Writes the TFLite model, untrained but for one step."""
        model = self._model(spec, hparams)
        self._fit(model, spec, 16, 0.0, warm_up=False)
        checkpoint = tf.train.Checkpoint(model=model).save(f"{path}/checkpoint")
        self._launcher.export(
            checkpoint, self._parse(spec), self._config(**hparams), path
        )
        return {"path": f"{path}/model.tflite"}

    def _model(self, spec, hparams):
        return self._launcher.build_keras_model(
            self._parse(spec), self._config(**hparams)
        )

    def _fit(self, model, spec, batch_size, seconds, warm_up):
        dataset = self._pipeline.get_input_dataset(
            f"{self._folder}/train.tfrecord", self._parse(spec), "", batch_size
        )
        clock = Clock(seconds, warm_up)
        model.fit(dataset, steps_per_epoch=10**6, verbose=0, callbacks=[clock])
        return clock


def serve(folder):
    """Answers the commands that come in until there are no more."""
    # What the original prints goes to standard error.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    original = Original(folder)
    for line in sys.stdin:
        command, arguments = json.loads(line)
        reply = getattr(original, command)(**arguments)
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    checkout, data_folder, mode = sys.argv[1:]
    sys.path.insert(0, str(Path(checkout, "lite/examples/recommendation/ml")))
    {"prepare": prepare, "serve": serve}[mode](data_folder)
