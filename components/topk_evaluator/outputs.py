"""Writes an evaluation and a blessing as artifacts."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types
from tfx.utils import io_utils

from ondevice_rec.components.topk_evaluator.plan import (
    BLESSED,
    CANDIDATE,
    MARKOV,
    POPULARITY,
    Plan,
)
from ondevice_rec.components.topk_evaluator.results import METRICS_FILE, SliceResult
from ondevice_rec.components.topk_evaluator.slices import OVERALL
from ondevice_rec.recommendation import bootstrap
from ondevice_rec.schemas import facts

logger = logging.getLogger("ondevice_rec.evaluator")

# As TFX's Evaluator names them.
BLESSED_FILE = "BLESSED"
NOT_BLESSED_FILE = "NOT_BLESSED"
REFUSAL_FILE = "refusal.txt"

_PREFIXES = {
    CANDIDATE: "",
    POPULARITY: facts.POPULARITY_PREFIX,
    MARKOV: facts.MARKOV_PREFIX,
    BLESSED: facts.BLESSED_PREFIX,
}


def write_metrics(
    evaluation: types.Artifact,
    results: Mapping[str, SliceResult],
    plan: Plan,
    vocab_size: int,
    refusals: Sequence[str],
    blessed_left_out: str,
) -> None:
    """Writes `metrics.json` and the metrics of all queries as custom properties.

    Args:
      evaluation: The artifact.
      results: Metrics by slice.
      plan: What was measured.
      vocab_size: Number of ids of items.
      refusals: Why the model is refused; empty for a blessed one.
      blessed_left_out: Why the latest blessed model was not measured; empty if it was.
    """
    content = {
        "vocab_size": vocab_size,
        "measured": "tflite" if plan.tflite_path else "saved_model",
        "exclude_seen": plan.exclude_seen,
        "blessed": not refusals,
        "refusals": list(refusals),
        "blessed_left_out": blessed_left_out,
        "slices": {name: result.to_json() for name, result in results.items()},
        "bootstrap": {
            "replicates": plan.replicates,
            "seed": plan.seed,
            "level": bootstrap.LEVEL,
            "slices": {
                name: {
                    "intervals": result.intervals(),
                    "comparisons": result.comparisons(),
                }
                for name, result in results.items()
                if result.replicates
            },
        },
    }
    io_utils.write_string_file(
        os.path.join(evaluation.uri, METRICS_FILE),
        json.dumps(_finite(content), indent=2, ensure_ascii=False) + "\n",
    )
    overall = results[OVERALL]
    for model, named in overall.metrics.items():
        for name, value in named.items():
            # ML Metadata keeps no NaN and no infinity; the gate names them.
            if name != facts.QUERY_COUNT and math.isfinite(value):
                evaluation.set_float_custom_property(_PREFIXES[model] + name, value)
    evaluation.set_int_custom_property(facts.QUERY_COUNT, overall.queries)
    evaluation.set_int_custom_property(facts.VOCAB_SIZE, vocab_size)
    evaluation.set_string_custom_property(facts.SLICE_METRICS, slice_metrics(results))
    if plan.replicates:
        intervals = overall.intervals()[CANDIDATE]
        evaluation.set_string_custom_property(
            facts.INTERVALS,
            json.dumps(
                _finite({n: _short(ends) for n, ends in intervals.items()}),
                ensure_ascii=False,
            ),
        )
    if blessed_left_out:
        evaluation.set_string_custom_property(facts.BLESSED_LEFT_OUT, blessed_left_out)


def slice_metrics(results: Mapping[str, SliceResult]) -> str:
    """The model's metrics of the slices with most queries, as JSON, to six digits."""
    named = [(name, r) for name, r in results.items() if name != OVERALL]
    largest = sorted(named, key=lambda pair: -pair[1].queries)[: facts.MAX_SLICES]
    found = {
        name: dict(
            zip(
                result.metrics[CANDIDATE],
                _short(list(result.metrics[CANDIDATE].values())),
                strict=True,
            )
        )
        for name, result in sorted(largest, key=lambda pair: pair[0])
    }
    return json.dumps(_finite(found), ensure_ascii=False)


def write_blessing(
    blessing: types.Artifact,
    model: types.Artifact,
    refusals: Sequence[str],
    component_id: str | None,
) -> None:
    """Blesses or refuses a model, as TFX's Evaluator marks it, and says why."""
    blessing.set_string_custom_property(facts.CURRENT_MODEL, model.uri)
    blessing.set_int_custom_property(facts.CURRENT_MODEL_ID, model.id)
    if component_id:
        blessing.set_string_custom_property(facts.COMPONENT_ID, component_id)
    blessing.set_int_custom_property(facts.BLESSED, int(not refusals))
    if not refusals:
        io_utils.write_string_file(os.path.join(blessing.uri, BLESSED_FILE), "")
        logger.info("the model is blessed")
        return
    io_utils.write_string_file(os.path.join(blessing.uri, NOT_BLESSED_FILE), "")
    io_utils.write_string_file(
        os.path.join(blessing.uri, REFUSAL_FILE), "".join(f"{r}\n" for r in refusals)
    )
    blessing.set_string_custom_property(facts.REFUSAL, "; ".join(refusals))
    for refusal in refusals:
        logger.warning("the model is not blessed: %s", refusal)


def _short(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def _finite(content: Any) -> Any:
    """The same with null in place of numbers that JSON does not know."""
    if isinstance(content, dict):
        return {name: _finite(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    if isinstance(content, float) and content - content != 0:
        return None
    return content
