"""Trains models on the JAX backend: what `test_jax.py` runs in a process of its own.

    KERAS_BACKEND=jax python jax_training.py FOLDER

FOLDER holds `batches.npz` and, per model, `NAME.json`. Written per model:
`NAME.weights.h5`, and in `NAME.npz` the losses of the steps and what the trained model
answers to the batches' features.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jax
import keras
import numpy as np
from google.protobuf import text_format

from ondevice_rec.recommendation.learner import LABEL, Learner
from ondevice_rec.recommendation.losses.global_softmax import GlobalSoftmax
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import InputSpec, ModelHParams

EPOCHS = 30


def train(folder: Path, name: str, features: dict[str, np.ndarray]) -> None:
    """Trains the model called `name` and writes what became of it."""
    task = json.loads((folder / f"{name}.json").read_text())
    keras.utils.set_random_seed(0)
    model = RecommendationModel(
        text_format.Parse(task["spec"], InputSpec()), ModelHParams(**task["hparams"])
    )
    # Each history is one item over and over, and the next item is known by it.
    next_items = np.where(
        features["context_item"], features["context_item"] % 19 + 1, 0
    )
    on_timelines = task["on_timelines"]
    learner = Learner(model, GlobalSoftmax(), on_timelines)
    learner.compile(keras.optimizers.Adam(0.02, clipnorm=1.0))
    labels = next_items if on_timelines else next_items[:, 0]
    history = learner.fit(
        {**features, LABEL: labels}, batch_size=64, epochs=EPOCHS, verbose=0
    ).history
    model.save_weights(folder / f"{name}.weights.h5")
    # Traced, or each operation would be compiled by itself.
    scores, (ids, top) = jax.jit(lambda x: (model(x), model.recommend(x)))(features)
    np.savez(
        folder / f"{name}.npz",
        losses=history["loss"],
        scores=scores,
        ids=ids,
        top=top,
    )


def main() -> None:
    """Trains each model."""
    if keras.backend.backend() != "jax" or "tensorflow" in sys.modules:
        sys.exit("This is for the JAX backend, without TensorFlow.")
    folder = Path(sys.argv[1])
    features = dict(np.load(folder / "batches.npz"))
    for task in sorted(folder.glob("*.json")):
        train(folder, task.stem, features)


if __name__ == "__main__":
    main()
