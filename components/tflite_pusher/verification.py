"""Compares TFLite models with the one they were made from, on real windows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from ondevice_rec.recommendation import progress
from ondevice_rec.recommendation.export.signatures import IDS, SCORES, SERVING_BATCH
from ondevice_rec.recommendation.feed.windows import evaluation_windows
from ondevice_rec.recommendation.ondevice.interpreter import Interpreter
from ondevice_rec.recommendation.spec import InputSpec

# Scores closer than this are a tie: rounding may put them in another order.
TIE = 1e-5
# How many of the recommended items the measures look at, if there are as many.
TOP_K = 10
_BATCH = 256
_WARM_UP_CALLS = 10


@dataclass(frozen=True)
class Verification:
    """How far TFLite gives what the model gives, and how good both are.

    Attributes:
      queries: Number of windows compared.
      identical: Share of them with the same ids in the same order.
      agreement: Share of them with the same ids, but for ties.
      k: Number of items that the following look at.
      overlap: Share of the model's first k items that are among TFLite's.
      max_score_difference: Largest difference between scores at the same place.
      recall: Recall@k of TFLite's lists.
      ndcg: NDCG@k of TFLite's lists.
      model_recall: Recall@k of the model's lists.
      model_ndcg: NDCG@k of the model's lists.
      p50_us: Median time of one call on one thread, in microseconds.
      p99_us: 99th percentile of the same.
    """

    queries: int
    identical: float
    agreement: float
    k: int
    overlap: float
    max_score_difference: float
    recall: float
    ndcg: float
    model_recall: float
    model_ndcg: float
    p50_us: float
    p99_us: float

    @property
    def ndcg_loss(self) -> float:
        """Share of the model's NDCG@k that is lost; below 0 where it is gained."""
        return 1 - self.ndcg / self.model_ndcg if self.model_ndcg else 0.0


def verify(
    saved_model_dir: str,
    tflite_models: Sequence[bytes],
    files: Sequence[str],
    input_spec: InputSpec,
    max_queries: int,
) -> list[Verification]:
    """Recommends for the same windows with all and measures the time of TFLite.

    Args:
      saved_model_dir: SavedModel with the signature `SERVING_BATCH`.
      tflite_models: Contents of `.tflite` files.
      files: Transformed timelines to take windows from.
      input_spec: The models' inputs.
      max_queries: Number of windows to compare, if there are as many.

    Returns:
      In the order of `tflite_models`.

    Raises:
      ValueError: the files have no window.
    """
    batches = list(_batches(files, input_spec, max_queries))
    if not batches:
        raise ValueError(
            f"No window in {files[0]} and the files beside it to verify TFLite on: no "
            "timeline has a target with an event before it. Use more data."
        )
    labels = np.concatenate([label for _, label in batches])
    serve_batch = tf.saved_model.load(saved_model_dir).signatures[SERVING_BATCH]
    ids, scores = [], []
    for features, _ in batches:
        outputs = serve_batch(**{k: tf.constant(v) for k, v in features.items()})
        ids.append(outputs[IDS].numpy())
        scores.append(outputs[SCORES].numpy())
    expected = np.concatenate(ids), np.concatenate(scores)
    found = []
    for number, content in enumerate(tflite_models):
        message = f"verifying TFLite {number + 1} of {len(tflite_models)}"
        interpreter = Interpreter(content)
        seconds: list[float] = []
        answers = []
        for features, _ in batches:
            answers.append(_recommend(interpreter, features, seconds))
            progress.report(message, len(seconds), len(labels))
        lite_ids, lite_scores = (
            np.concatenate(each) for each in zip(*answers, strict=True)
        )
        found.append(compare(*expected, lite_ids, lite_scores, labels, seconds))
    return found


def compare(
    ids: np.ndarray,
    scores: np.ndarray,
    lite_ids: np.ndarray,
    lite_scores: np.ndarray,
    labels: np.ndarray,
    seconds: Sequence[float],
) -> Verification:
    """Compares two models' lists with each other and with what came next.

    Args:
      ids: The model's, int `[queries, num_predictions]`, best first.
      scores: float `[queries, num_predictions]`.
      lite_ids: TFLite's.
      lite_scores: TFLite's.
      labels: The items that came next, int `[queries]`; 0 for an unknown one, which
        is a miss.
      seconds: Time of each of TFLite's calls.
    """
    k = min(TOP_K, ids.shape[1])
    shared = (lite_ids[:, None, :k] == ids[:, :k, None]).any(axis=2)
    recall, ndcg = _quality(lite_ids[:, :k], labels)
    model_recall, model_ndcg = _quality(ids[:, :k], labels)
    p50, p99 = np.percentile(seconds, (50, 99)) * 1e6
    return Verification(
        queries=len(labels),
        identical=float((ids == lite_ids).all(axis=1).mean()),
        agreement=float(agrees(ids, scores, lite_ids, lite_scores).mean()),
        k=k,
        overlap=float(shared.mean()),
        # NaN is a difference too.
        max_score_difference=float(np.abs(scores - lite_scores).max()),
        recall=recall,
        ndcg=ndcg,
        model_recall=model_recall,
        model_ndcg=model_ndcg,
        p50_us=float(p50),
        p99_us=float(p99),
    )


def _quality(ids: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Recall and NDCG of lists; ids are never 0."""
    hits = ids == labels[:, None]
    gains = 1 / np.log2(np.arange(ids.shape[1]) + 2)
    return float(hits.any(axis=1).mean()), float((hits * gains).sum(axis=1).mean())


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
) -> Iterator[tuple[Mapping[str, np.ndarray], np.ndarray]]:
    left = max_queries
    windows = evaluation_windows(files, input_spec, min(_BATCH, max_queries))
    for features, label, _ in windows:
        taken = {name: values.numpy()[:left] for name, values in features.items()}
        yield taken, label.numpy()[:left]
        left -= min(left, len(label))
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
