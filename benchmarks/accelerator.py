"""Trains a preset's model where there is an accelerator and no TensorFlow.

    python -m benchmarks.accelerator prepare FOLDER [--preset movielens-1m]
    KERAS_BACKEND=jax python -m benchmarks.accelerator train FOLDER [--json FILE]
    python -m benchmarks.accelerator export FOLDER

`prepare` and `export` need the project's environment, `train` no more than Keras, JAX
and protobuf: carry FOLDER (a few MB) to the other machine and back. Without the package
installed there, links do:

    mkdir -p links/ondevice_rec; ln -s $PWD/{recommendation,schemas} links/ondevice_rec
    PYTHONPATH=links KERAS_BACKEND=jax python -m benchmarks.accelerator train FOLDER

`train` tells sequences a second and when the validation NDCG@10 reached `--target`;
`export` makes the `.tflite` of those weights and measures it on the test split.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

from benchmarks import report

# Lengths are rounded up to these, as XLA compiles every shape.
_LENGTHS = 50
_EVALUATED = 512


def prepare(folder: str, preset: str, data: str) -> None:
    """Writes the sequences of ids, the model's description and the keys."""
    import yaml
    from google.protobuf import text_format

    from benchmarks import quality_data
    from ondevice_rec import recommendation
    from ondevice_rec.schemas import config, presets

    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "config.yaml")
    whole = {"pipeline_name": preset, "log": quality_data.log(preset, data)}
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump({**whole, **yaml.safe_load(presets.text(preset))}, file)
    loaded = config.load(path)
    log = loaded.log
    splits = recommendation.DataLoader.from_csv(
        log.path,
        loaded.input_spec,
        user=log.user,
        item=log.item,
        timestamp=log.timestamp,
        delimiter=log.delimiter or None,
        min_timeline=loaded.filters.min_timeline,
    )
    for name, loader in splits._asdict().items():
        timelines = loader.dataset
        np.savez_compressed(
            os.path.join(folder, f"{name}.npz"),
            items=timelines.columns["item"].astype(np.int32),
            splits=timelines.row_splits,
        )
    with open(os.path.join(folder, "model.json"), "w", encoding="utf-8") as file:
        json.dump(
            {
                "input_spec": text_format.MessageToString(splits.train.input_spec),
                "hparams": text_format.MessageToString(loaded.hparams),
                "training": text_format.MessageToString(loaded.training),
                "vocabularies": splits.train.vocabularies,
            },
            file,
        )


class Sequences:
    """Batches of the pieces of timelines, as the pipeline's feed cuts them.

    Args:
      folder: With `train.npz`.
      length: Of a piece, at most.
      batch_size: Pieces in a batch.
      seed: Decides the cuts and the order, others every epoch.
    """

    def __init__(self, folder: str, length: int, batch_size: int, seed: int) -> None:
        self._timelines = _timelines(folder, "train")
        self._length = length
        self._batch_size = batch_size
        self._rng = np.random.default_rng(seed)

    def epoch(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Contexts and labels, int32 `[batch, length]`, in random order."""
        pieces = [piece for t in self._timelines for piece in self._cut(t)]
        self._rng.shuffle(pieces)
        pieces.sort(key=len)
        found = []
        for first in range(0, len(pieces), self._batch_size):
            batch = pieces[first : first + self._batch_size]
            # A batch of its own shape would be compiled for itself.
            rows = self._batch_size
            length = -(-(len(batch[-1]) - 1) // _LENGTHS) * _LENGTHS
            both = np.zeros((rows, length + 1), np.int32)
            for row, piece in enumerate(batch):
                both[row, : len(piece)] = piece
            contexts = both[:, :-1].copy()
            # What comes after the last label is nobody's context.
            contexts[both[:, 1:] == 0] = 0
            found.append((contexts, both[:, 1:]))
        self._rng.shuffle(found)
        return found

    def _cut(self, timeline: np.ndarray) -> list[np.ndarray]:
        inputs = len(timeline) - 1
        first = (
            inputs
            if inputs <= self._length
            else self._rng.integers(1, self._length + 1)
        )
        ends = [*range(first, inputs, self._length), inputs]
        starts = [0, *ends[:-1]]
        return [timeline[a : b + 1] for a, b in zip(starts, ends, strict=True)]


def train(folder: str, target: float, epochs: int | None) -> dict[str, Any]:
    """Trains and writes the weights of the best epoch.

    Args:
      folder: As `prepare` made it.
      target: Validation NDCG@10 whose time is taken.
      epochs: In the place of the preset's.
    """
    import keras

    from ondevice_rec.recommendation import optimizers
    from ondevice_rec.recommendation.learner import LABEL, Learner
    from ondevice_rec.recommendation.losses import LOSSES

    model, training, _ = _model(folder)
    spec = model.feature_spec
    feature = spec.activity_feature_groups[0].features[0]
    sequences = Sequences(
        folder, feature.feature_length, training.batch_size, training.seed
    )
    epochs = epochs or training.epochs
    steps = len(sequences.epoch()) * epochs
    learner = Learner(model, LOSSES[training.loss].create(training), on_timelines=True)
    learner.compile(optimizer=optimizers.create(training, steps), jit_compile=True)
    measured = _Ranks(folder, model, feature.feature_name, feature.feature_length)
    best, reached, seconds, count = -1.0, None, 0.0, 0
    for epoch in range(epochs):
        began = time.perf_counter()
        batches = sequences.epoch()
        for contexts, labels in batches:
            loss = learner.train_on_batch(
                {feature.feature_name: contexts, LABEL: labels}
            )
        loss = float(loss[0] if isinstance(loss, list) else loss)
        seconds += time.perf_counter() - began
        count += len(batches) * training.batch_size
        found = measured.ndcg("validation")
        print(f"epoch {epoch + 1}: loss {loss:.3f}, validation {found:.4f}", flush=True)
        if found >= target and reached is None:
            reached = seconds
        if found > best:
            best = found
            model.save_weights(os.path.join(folder, "best.weights.h5"))
    return {
        "backend": keras.backend.backend(),
        "device": _device(),
        "sequences/s": count / seconds,
        "training s": seconds,
        f"s to NDCG@10 {target}": reached,
        "best validation NDCG@10": best,
    }


def export(folder: str) -> dict[str, Any]:
    """The `.tflite` of the weights, measured on the test split."""
    import keras

    from ondevice_rec.recommendation.export import export as exporting
    from ondevice_rec.recommendation.ondevice.interpreter import Interpreter

    model, _, vocabularies = _model(folder)
    model.load_weights(os.path.join(folder, "best.weights.h5"))
    saved = os.path.join(folder, "saved_model")
    exporting.save(model, saved, vocabularies)
    content = exporting.convert_to_tflite(saved)
    with open(os.path.join(folder, "model.tflite"), "wb") as file:
        file.write(content)
    feature = model.feature_spec.activity_feature_groups[0].features[0]
    interpreter = Interpreter(content)
    gains = []
    for contexts, labels, _ in _queries(folder, "test", feature.feature_length):
        for context, label in zip(contexts, labels, strict=True):
            ids, _ = interpreter({feature.feature_name: context})
            place = np.flatnonzero(ids[:10] == label)
            gains.append(1 / np.log2(place[0] + 2) if len(place) else 0.0)
    return {
        "backend": keras.backend.backend(),
        "bytes": len(content),
        "test HR@10 of the .tflite": float(np.mean(np.array(gains) > 0)),
        "test NDCG@10 of the .tflite": float(np.mean(gains)),
    }


class _Ranks:
    """Ranks the labels of a split among all items."""

    def __init__(self, folder: str, model: Any, name: str, length: int) -> None:
        import keras

        class Ranker(keras.Model):
            def call(self, inputs: Any) -> Any:
                return model.rank({name: inputs["contexts"]}, inputs["labels"])

        self._folder, self._length = folder, length
        self._ranker = Ranker()
        self._ranker.built = True

    def ndcg(self, split: str) -> float:
        """NDCG@10 of a split."""
        gains = []
        for contexts, labels, count in _queries(self._folder, split, self._length):
            ranks = self._ranker.predict_on_batch(
                {"contexts": contexts, "labels": labels}
            )[:count]
            gains.append(np.where(ranks <= 10, 1 / np.log2(ranks + 1.0), 0.0))
        return float(np.mean(np.concatenate(gains)))


def _queries(folder: str, split: str, length: int) -> Any:
    """Batches of contexts, labels, and how many of them are queries."""
    timelines = _timelines(folder, split)
    for first in range(0, len(timelines), _EVALUATED):
        part = timelines[first : first + _EVALUATED]
        contexts = np.zeros((_EVALUATED, length), np.int32)
        labels = np.zeros(_EVALUATED, np.int32)
        for row, timeline in enumerate(part):
            context = timeline[:-1][-length:]
            contexts[row, : len(context)] = context
            labels[row] = timeline[-1]
        yield contexts, labels, len(part)


def _timelines(folder: str, split: str) -> list[np.ndarray]:
    with np.load(os.path.join(folder, f"{split}.npz")) as file:
        return np.split(file["items"], file["splits"][1:-1])


def _model(folder: str) -> tuple[Any, Any, dict[str, list[str]]]:
    from google.protobuf import text_format

    from ondevice_rec.recommendation.model import RecommendationModel
    from ondevice_rec.recommendation.spec import InputSpec, hparams_from_proto
    from ondevice_rec.schemas import pipeline_config_pb2

    with open(os.path.join(folder, "model.json"), encoding="utf-8") as file:
        described = json.load(file)
    training = text_format.Parse(described["training"], pipeline_config_pb2.Training())
    hparams = text_format.Parse(described["hparams"], pipeline_config_pb2.HParams())
    spec = text_format.Parse(described["input_spec"], InputSpec())
    import keras

    keras.utils.set_random_seed(training.seed)
    model = RecommendationModel(spec, hparams_from_proto(hparams, training.dropout))
    return model, training, described["vocabularies"]


def _device() -> str:
    if "jax" not in sys.modules:
        return "CPU"
    return str(sys.modules["jax"].devices()[0].device_kind)


def main(arguments: list[str] | None = None) -> int:
    """Does one of the three steps."""
    parser = report.parser(__doc__)
    parser.add_argument("step", choices=("prepare", "train", "export"))
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument("--preset", default="movielens-1m")
    parser.add_argument("--data", default=os.path.join("..", "shared", "data"))
    parser.add_argument("--target", type=float, default=0.182)
    parser.add_argument("--epochs", type=int)
    given = parser.parse_args(arguments)
    if given.step == "prepare":
        prepare(given.folder, given.preset, given.data)
        return 0
    if given.step == "train":
        figures = train(given.folder, given.target, given.epochs)
    else:
        figures = export(given.folder)
    report.publish(f"Accelerator: {given.step}", [figures], given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
