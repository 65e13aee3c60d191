"""What a version's manifest says of the model."""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
from collections.abc import Sequence
from typing import Any

from tfx import types
from tfx.utils import io_utils

from ondevice_rec.components.tflite_pusher.variants import Exported
from ondevice_rec.components.tflite_pusher.verification import Verification
from ondevice_rec.components.topk_evaluator.results import METRICS_FILE
from ondevice_rec.components.topk_evaluator.slices import OVERALL
from ondevice_rec.recommendation.export.assets import ModelAssets
from ondevice_rec.recommendation.export.signatures import IDS, SCORES
from ondevice_rec.recommendation.export.tflite_operators import operators
from ondevice_rec.recommendation.ondevice.interpreter import Interpreter
from ondevice_rec.schemas.input_spec_check import context_features, source_column


def describe_model(tflite_model: bytes, assets: ModelAssets) -> dict[str, Any]:
    """The model itself: what goes in, what comes out."""
    columns = {
        feature.feature_name: source_column(feature)
        for feature in context_features(assets.input_spec)
    }
    label = assets.input_spec.label_feature
    predictions = [assets.hparams.num_predictions]
    return {
        "package_version": importlib.metadata.version("ondevice-rec"),
        "vocab_size": label.vocab_size,
        "num_predictions": assets.hparams.num_predictions,
        "item_column": source_column(label),
        "inputs": [
            {
                "name": name,
                "shape": list(shape),
                "dtype": dtype.name,
                "column": columns[name],
            }
            for name, (shape, dtype) in Interpreter(tflite_model).inputs.items()
        ],
        "outputs": [
            {"name": IDS, "shape": predictions, "dtype": "int32"},
            {"name": SCORES, "shape": predictions, "dtype": "float32"},
        ],
    }


def describe_variants(
    exported: Sequence[Exported],
    verified: Sequence[Verification | None],
    refusals: Sequence[str],
) -> list[dict[str, Any]]:
    """Every variant that was asked for, the refused ones with the reason."""
    return [
        _describe(variant, measured, refusal)
        for variant, measured, refusal in zip(exported, verified, refusals, strict=True)
    ]


def describe_first(variant: dict[str, Any]) -> dict[str, Any]:
    """How `model.tflite` was verified, and how fast it is.

    Args:
      variant: As `describe_variants` describes it.
    """
    names = ("queries", "identical", "agreement", "max_score_difference")
    return {
        "verification": {name: variant[name] for name in names},
        "latency_us": variant["latency_us"],
    }


def _describe(
    exported: Exported, verified: Verification | None, refusal: str
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "precision": exported.precision,
        "file": None if refusal else exported.file,
        "refusal": refusal or None,
    }
    if verified is None:
        return described
    k = verified.k
    return {
        **described,
        "size": len(exported.content),
        "operators": operators(exported.content),
        "queries": verified.queries,
        "identical": verified.identical,
        "agreement": verified.agreement,
        f"overlap@{k}": verified.overlap,
        # JSON knows no NaN.
        "max_score_difference": (
            verified.max_score_difference
            if math.isfinite(verified.max_score_difference)
            else None
        ),
        f"recall@{k}": verified.recall,
        f"ndcg@{k}": verified.ndcg,
        f"model_recall@{k}": verified.model_recall,
        f"model_ndcg@{k}": verified.model_ndcg,
        "ndcg_loss": verified.ndcg_loss,
        "latency_us": {
            "p50": verified.p50_us,
            "p99": verified.p99_us,
            "threads": 1,
            "calls": verified.queries,
        },
    }


def read_metrics(evaluation: types.Artifact | None) -> dict[str, Any] | None:
    """The evaluator's metrics of all queries: the model's and the baselines'."""
    if evaluation is None:
        return None
    path = os.path.join(evaluation.uri, METRICS_FILE)
    overall: dict[str, Any] = json.loads(io_utils.read_string_file(path))["slices"][
        OVERALL
    ]
    return overall
