"""Compares TFLite with the model it was made from, on real windows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from ondevice_rec.recommendation import progress
from ondevice_rec.recommendation.ondevice.interpreter import Interpreter
from ondevice_rec.recommendation.signatures import IDS, SCORES, SERVING_BATCH
from ondevice_rec.recommendation.spec import InputSpec
from ondevice_rec.recommendation.windows import evaluation_windows

# Scores closer than this are a tie: rounding may put them in another order.
TIE = 1e-5
_BATCH = 256
_WARM_UP_CALLS = 10


@dataclass(frozen=True)
class Verification:
    """How far TFLite gives what the model gives.

    Attributes:
      queries: Number of windows compared.
      identical: Share of them with the same ids in the same order.
      agreement: Share of them with the same ids, but for ties.
      max_score_difference: Largest difference between scores at the same place.
      p50_us: Median time of one call on one thread, in microseconds.
      p99_us: 99th percentile of the same.
    """

    queries: int
    identical: float
    agreement: float
    max_score_difference: float
    p50_us: float
    p99_us: float


def verify(
    saved_model_dir: str,
    tflite_model: bytes,
    files: Sequence[str],
    input_spec: InputSpec,
    max_queries: int,
) -> Verification:
    """Recommends for the same windows with both and measures the time of TFLite.

    Args:
      saved_model_dir: SavedModel with the signature `SERVING_BATCH`.
      tflite_model: Content of the `.tflite` file.
      files: Transformed timelines to take windows from.
      input_spec: The model's inputs.
      max_queries: Number of windows to compare, if there are as many.

    Raises:
      ValueError: the files have no window.
    """
    model = tf.saved_model.load(saved_model_dir)
    serve_batch = model.signatures[SERVING_BATCH]
    interpreter = Interpreter(tflite_model)
    same: list[np.ndarray] = []
    alike: list[np.ndarray] = []
    differences = [0.0]
    seconds: list[float] = []
    for features in _batches(files, input_spec, max_queries):
        outputs = serve_batch(**{k: tf.constant(v) for k, v in features.items()})
        ids, scores = outputs[IDS].numpy(), outputs[SCORES].numpy()
        lite_ids, lite_scores = _recommend(interpreter, features, seconds)
        same.append((ids == lite_ids).all(axis=1))
        alike.append(agrees(ids, scores, lite_ids, lite_scores))
        differences.append(float(np.abs(scores - lite_scores).max()))
        progress.report("verifying TFLite", len(seconds), max_queries)
    if not same:
        raise ValueError(
            f"No window in {files[0]} and the files beside it to verify TFLite on: no "
            "timeline has a target with an event before it. Use more data."
        )
    p50, p99 = np.percentile(seconds, (50, 99)) * 1e6
    return Verification(
        queries=sum(map(len, same)),
        identical=float(np.concatenate(same).mean()),
        agreement=float(np.concatenate(alike).mean()),
        # NaN is a difference too.
        max_score_difference=float(np.max(differences)),
        p50_us=float(p50),
        p99_us=float(p99),
    )


def agrees(
    ids: np.ndarray, scores: np.ndarray, lite_ids: np.ndarray, lite_scores: np.ndarray
) -> np.ndarray:
    """Whether TFLite recommends the same items, but for ties.

    Where the ids are not the same, scores must be, up to a tie, at every place; an id
    may then stand at another place if it ties with the one there, and may be missing
    from the model's list if it ties with the last one, where the list was cut.

    Args:
      ids: The model's, int `[queries, k]`, best first.
      scores: float `[queries, k]`.
      lite_ids: TFLite's.
      lite_scores: TFLite's.

    Returns:
      bool `[queries]`.
    """
    same = (ids == lite_ids).all(axis=1)
    close = np.abs(scores - lite_scores) <= TIE
    # [queries, place in TFLite's list, place in the model's list]
    found = lite_ids[:, :, None] == ids[:, None, :]
    tied = np.abs(lite_scores[:, :, None] - scores[:, None, :]) <= TIE
    at_the_cut = np.abs(lite_scores - scores[:, -1:]) <= TIE
    known = np.where(found.any(axis=2), (found & tied).any(axis=2), at_the_cut)
    return same | (close & known).all(axis=1)


def _batches(
    files: Sequence[str], input_spec: InputSpec, max_queries: int
) -> Iterator[Mapping[str, np.ndarray]]:
    left = max_queries
    windows = evaluation_windows(files, input_spec, min(_BATCH, max_queries))
    for features, label, _ in windows:
        taken = {name: values.numpy()[:left] for name, values in features.items()}
        left -= min(left, len(label))
        yield taken
        if not left:
            return


def _recommend(
    interpreter: Interpreter, features: Mapping[str, np.ndarray], seconds: list[float]
) -> tuple[np.ndarray, np.ndarray]:
    """TFLite's answers, one call each, and their times."""
    queries = len(next(iter(features.values())))
    rows = [{name: v[i] for name, v in features.items()} for i in range(queries)]
    if not seconds:
        for row in rows[:_WARM_UP_CALLS]:
            interpreter(row)
    answers = []
    for row in rows:
        start = time.perf_counter()
        answers.append(interpreter(row))
        seconds.append(time.perf_counter() - start)
    ids, scores = zip(*answers, strict=True)
    return np.stack(ids), np.stack(scores)
