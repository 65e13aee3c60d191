"""What a training step costs when the vocabulary grows.

    python -m benchmarks.large_vocabulary [--items N ...] [--json FILE]

A GRU of 64 units on tied embeddings of 64, 64 sequences of 50 random events a step, in
memory: targets per second and peak memory of a process of its own for each loss. Global
softmax is also measured by its formula, with a similarity for every pair of
a context and an item at once, where that fits.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import statistics
import time
from concurrent import futures

from benchmarks import report

ITEMS = (10_000, 100_000, 1_000_000)
DIM, LENGTH, BATCH = 64, 50, 64
FORMULA = "GLOBAL_SOFTMAX, by formula"
# Similarities of a step by formula, in float32: 1.3 GiB, and as much for gradients.
MOST_BY_FORMULA = 100_000


def measure(items: int, name: str) -> dict[str, object]:
    """Steps of one loss with one vocabulary."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import numpy as np
    from google.protobuf import text_format
    from keras import ops

    from ondevice_rec.recommendation.learner import LABEL, Learner
    from ondevice_rec.recommendation.losses import LOSSES
    from ondevice_rec.recommendation.losses.loss import Loss, Tensor, weights
    from ondevice_rec.recommendation.model import RecommendationModel
    from ondevice_rec.recommendation.spec import InputSpec, ModelHParams
    from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2

    class ByFormula(Loss):
        def call(self, vectors: Tensor, labels: Tensor, table: Tensor) -> Tensor:
            similarities = ops.matmul(vectors, ops.transpose(table))
            losses = ops.sparse_categorical_crossentropy(
                labels, similarities, from_logits=True
            )
            return ops.sum(weights(labels) * losses)

    feature = f"feature_type: INT vocab_size: {items + 1} embedding_dim: {DIM}"
    spec = text_format.Parse(
        f"""
        activity_feature_groups {{ encoder_type: GRU features {{
          feature_name: "context_item" feature_length: {LENGTH} {feature} }} }}
        label_feature {{ feature_name: "label_item" {feature} }}
        """,
        InputSpec(),
    )
    hparams = ModelHParams([], [10], [], 1, 1, gru_num_units=64, tie_embeddings=True)
    if name == FORMULA:
        loss: Loss = ByFormula()
    else:
        number = config_pb2.Loss.Value(name)
        loss = LOSSES[number].create(config_pb2.Training(loss=number))
    learner = Learner(RecommendationModel(spec, hparams), loss, on_timelines=True)
    learner.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
    batch = np.random.default_rng(1).integers(1, items, (BATCH, LENGTH + 1), np.int32)
    inputs = {"context_item": batch[:, :-1], LABEL: batch[:, 1:]}
    # Traces the step and makes the optimizer's variables.
    learner.train_on_batch(inputs)
    seconds: list[float] = []
    while len(seconds) < 3 or (sum(seconds) < 15 and len(seconds) < 30):
        start = time.perf_counter()
        learner.train_on_batch(inputs)
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    step = statistics.median(seconds)
    return {
        "items": items,
        "loss": name,
        "step, s": step,
        "targets/s": round(BATCH * LENGTH / step),
        "peak GiB": round(peak, 2),
    }


def main() -> None:
    """Measures and prints."""
    arguments = report.parser(__doc__)
    arguments.add_argument("--items", type=int, nargs="+", default=list(ITEMS))
    given = arguments.parse_args()
    names = ["GLOBAL_SOFTMAX", FORMULA, "SAMPLED_SOFTMAX", "GBCE"]
    spawn = multiprocessing.get_context("spawn")
    rows = []
    for items in given.items:
        for name in names:
            if name == FORMULA and items > MOST_BY_FORMULA:
                continue
            with futures.ProcessPoolExecutor(1, mp_context=spawn) as pool:
                rows.append(pool.submit(measure, items, name).result())
    report.publish("Training steps by vocabulary", rows, given.json)


if __name__ == "__main__":
    main()
