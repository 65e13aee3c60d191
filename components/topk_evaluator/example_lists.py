"""A few real recommendations, written beside the metrics for people to look at."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from tfx.utils import io_utils

from ondevice_rec.components.topk_evaluator.plan import Plan
from ondevice_rec.components.topk_evaluator.queries import Queries, read_queries
from ondevice_rec.components.topk_evaluator.saved_model_ranker import SavedModelRanker
from ondevice_rec.recommendation.export.assets import ModelAssets
from ondevice_rec.schemas.input_spec_check import source_column
from ondevice_rec.schemas.timeline import OOV_ID

EXAMPLES_FILE = "examples.json"

_EXAMPLES = 6
# Test queries that they are taken from, the first ones of a file.
_LOOKED_AT = 64
_HISTORY = 6
_RECOMMENDED = 10


def write(folder: str, files: Sequence[str], plan: Plan, assets: ModelAssets) -> None:
    """Writes `EXAMPLES_FILE`: test queries and what the model recommends for them.

    They are those with the smallest hashes of the user among the first queries of a
    file: neither the best nor the worst ones. Who the user is, is not written.

    Args:
      folder: Of the evaluation.
      files: Transformed timelines with the queries.
      plan: What is measured.
      assets: What travels with the candidate.
    """
    spec = assets.input_spec
    keys = assets.vocabularies[source_column(spec.label_feature)]
    batches = itertools.chain.from_iterable(
        read_queries(file, spec, None, True, _LOOKED_AT) for file in files
    )
    queries = next(batches)
    _, first = np.unique(queries.users, return_index=True)
    chosen = first[:_EXAMPLES]
    seen = queries.seen
    assert seen is not None
    ranks, lists = SavedModelRanker(plan.saved_model_dir).rank(
        {name: values[chosen] for name, values in queries.features.items()},
        queries.label[chosen],
        seen[chosen] if plan.exclude_seen else None,
        min(_RECOMMENDED, len(keys) - 1),
    )
    found = [
        _example(queries, int(row), int(rank), recommended, keys)
        for row, rank, recommended in zip(chosen, ranks, lists, strict=True)
    ]
    content = json.dumps({"examples": found}, indent=2, ensure_ascii=False)
    io_utils.write_string_file(os.path.join(folder, EXAMPLES_FILE), content + "\n")


def _example(
    queries: Queries, row: int, rank: int, recommended: np.ndarray, keys: Sequence[str]
) -> dict[str, Any]:
    """Keys of items; null for one that the vocabulary does not hold."""
    assert queries.seen is not None
    length = int(queries.history_length[row])
    history = queries.seen[row][:length][-_HISTORY:]
    label = int(queries.label[row])
    return {
        "history_length": length,
        "history": [keys[i] if i != OOV_ID else None for i in history],
        "next": keys[label] if label != OOV_ID else None,
        "rank": rank if label != OOV_ID else None,
        "recommended": [keys[i] for i in recommended if i != OOV_ID],
    }
