"""How good the model is, beside others, and by slice."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ondevice_rec.lineage import runs, tfx_names
from ondevice_rec.lineage.graph import ArtifactNode
from ondevice_rec.lineage.parameters import json_object
from ondevice_rec.pipelines.report.files import Files
from ondevice_rec.pipelines.report.missing import Missing
from ondevice_rec.pipelines.report.run_record import RunRecord
from ondevice_rec.schemas import facts

CANDIDATE = "candidate"
BLESSED = "blessed"
# How models are called to people, in the order they are shown.
NAMES = {
    CANDIDATE: "this model",
    BLESSED: "previous model",
    "markov": "last item (Markov)",
    "popularity": "popularity",
}
_OVERALL = "overall"
_AT_K = re.compile(r"(recall|ndcg)@(\d+)")

Metrics = Mapping[str, float]
Interval = Sequence[float]


@dataclass(frozen=True)
class Quality:
    """How good the model is.

    Attributes:
      queries: Test queries; None where not recorded.
      overall: Model -> metric -> value, the candidate first.
      intervals: Model -> metric -> ends of its 95 % interval; maybe empty.
      ratios: Other model -> metric -> interval of the candidate's ratio to it.
      slices: Slice -> model -> metric -> value.
      slice_queries: Slice -> its queries.
      previous_left_out: Why the latest blessed model was not measured; "" if it was.
      settings: What holds for all of it, in words.
      partial: What is not known because files are gone, in words.
    """

    queries: int | None
    overall: Mapping[str, Metrics]
    intervals: Mapping[str, Mapping[str, Interval]]
    ratios: Mapping[str, Mapping[str, Interval]]
    slices: Mapping[str, Mapping[str, Metrics]]
    slice_queries: Mapping[str, int]
    previous_left_out: str
    settings: Sequence[str]
    partial: str = ""

    @property
    def ks(self) -> list[int]:
        """The k's of recall@k and ndcg@k."""
        found = [_AT_K.fullmatch(name) for name in self.overall[CANDIDATE]]
        return sorted({int(match[2]) for match in found if match})

    @property
    def k(self) -> int | None:
        """The k of headlines: 10, else the largest."""
        return 10 if 10 in self.ks else max(self.ks, default=None)

    @property
    def headline(self) -> str | None:
        """The metric of headlines."""
        return None if self.k is None else f"ndcg@{self.k}"

    def best_other(self, metric: str) -> tuple[str, float] | None:
        """The baseline, or the previous model, with the largest value."""
        found = [
            (values[metric], model)
            for model, values in self.overall.items()
            if model != CANDIDATE and metric in values
        ]
        return (max(found)[1], max(found)[0]) if found else None


def collect(record: RunRecord, files: Files) -> Quality:
    """Reads the evaluation; what ML Metadata holds of it where its files are gone.

    Raises:
      Missing: neither says anything.
    """
    artifact = record.artifact(tfx_names.EVALUATION)
    try:
        return _of_file(files.json(artifact, "metrics.json"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        missing = Missing(f"metrics.json was written by other software: {error!r}.")
    except Missing as error:
        missing = error
    return _of_properties(artifact, missing)


def _of_file(found: Mapping[str, Any]) -> Quality:
    slices = found["slices"]
    bootstrap = found.get("bootstrap") or {}
    sampled = bootstrap.get("slices", {}).get(_OVERALL, {})
    settings = [
        "measured on the TFLite file"
        if found.get("measured") == "tflite"
        else "measured on the SavedModel",
        "items of the history not recommended"
        if found.get("exclude_seen")
        else "items of the history may be recommended",
    ]
    if sampled:
        settings.append(
            f"{float(bootstrap['level']):.0%} intervals of a bootstrap over users, "
            f"{int(bootstrap['replicates']):,} replicates"
        )
    return Quality(
        queries=int(slices[_OVERALL]["queries"]),
        overall=_models(slices[_OVERALL]),
        intervals=sampled.get("intervals", {}),
        ratios={
            model: {name: ends["ratio"] for name, ends in named.items()}
            for model, named in sampled.get("comparisons", {}).items()
        },
        slices={
            name: _models(values) for name, values in slices.items() if name != _OVERALL
        },
        slice_queries={name: int(values["queries"]) for name, values in slices.items()},
        previous_left_out=str(found.get("blessed_left_out", "")),
        settings=settings,
    )


def _of_properties(artifact: ArtifactNode, missing: Missing) -> Quality:
    named: dict[str, dict[str, float]] = {CANDIDATE: {}}
    for name, value in runs.metrics(artifact).items():
        prefix = next((p for p in facts.BASELINE_PREFIXES if name.startswith(p)), "")
        model = prefix.removesuffix("_") or CANDIDATE
        named.setdefault(model, {})[name.removeprefix(prefix)] = value
    if not named[CANDIDATE]:
        raise missing
    queries = artifact.number(facts.QUERY_COUNT)
    of_slices = json_object(artifact.properties, facts.SLICE_METRICS)
    return Quality(
        queries=None if queries is None else int(queries),
        overall=_ordered(named),
        intervals={CANDIDATE: json_object(artifact.properties, facts.INTERVALS)},
        ratios={},
        slices={name: {CANDIDATE: metrics} for name, metrics in of_slices.items()},
        slice_queries={
            name: int(metrics[facts.QUERY_COUNT])
            for name, metrics in of_slices.items()
            if facts.QUERY_COUNT in metrics
        },
        previous_left_out=artifact.text(facts.BLESSED_LEFT_OUT) or "",
        settings=[],
        partial=f"{missing} What ML Metadata keeps is shown: intervals and slices of "
        "this model alone.",
    )


def _models(found: Mapping[str, Any]) -> dict[str, Metrics]:
    return _ordered({m: v for m, v in found.items() if isinstance(v, dict)})


def _ordered(found: Mapping[str, Metrics]) -> dict[str, Metrics]:
    known = {model: found[model] for model in NAMES if model in found}
    return known | {model: found[model] for model in found if model not in NAMES}
