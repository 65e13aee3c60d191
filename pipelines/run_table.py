"""The table a run ends in."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.io import fileio

from ondevice_rec.components.timeline_validator import anomaly_words
from ondevice_rec.pipelines import data_notes
from ondevice_rec.pipelines.run_outputs import NodeOutputs
from ondevice_rec.schemas import facts


@dataclasses.dataclass(frozen=True)
class RunResults:
    """What came out of a run.

    Attributes:
      data: Counts of the ingested log, by name.
      spans: The spans that were read, in words; empty for a log without.
      spans_left_out: Those of the window that cannot be read, and why.
      compared_with: The span that the newest was held against; empty for none.
      start: What became of a warm start; empty where none was asked for.
      anomalies: What ExampleValidator found, e.g. "item (test): Column dropped".
      metrics: The model's metrics over all queries, e.g. {"recall@10": 0.1}.
      baselines: The same of each baseline, by its name.
      blessed_left_out: Why the latest blessed model is not among them, in words.
      version_dir: Folder of the pushed version; empty when nothing was pushed.
      refusal: Why nothing was pushed; empty otherwise.
      pushed: Facts of the pushed model, by name.
    """

    data: dict[str, int]
    spans: str
    spans_left_out: list[str]
    compared_with: str
    start: str
    anomalies: list[str]
    metrics: dict[str, float]
    baselines: dict[str, dict[str, float]]
    blessed_left_out: str
    version_dir: str
    refusal: str
    refused: list[str]
    pushed: dict[str, float]


def collect(outputs: Mapping[str, NodeOutputs]) -> RunResults:
    """Gathers a run's results from the properties of its artifacts.

    Args:
      outputs: Node id -> outputs, of a run whose components all ended well.
    """
    data = _properties(outputs["ActivityExampleGen"].artifacts["report"])
    anomalies = _properties(outputs["ExampleValidator"].artifacts["anomalies"])
    model = _properties(outputs["RecommendationTrainer"].artifacts["model"])
    evaluation = _properties(outputs["TopKEvaluator"].artifacts["evaluation"])
    pushed = _properties(outputs["TFLitePusher"].artifacts["pushed_model"])
    metrics: dict[str, float] = {}
    beside: dict[str, dict[str, float]] = {p: {} for p in facts.BASELINE_PREFIXES}
    for name, value in evaluation.items():
        if not isinstance(value, float):
            continue
        prefix = next((p for p in beside if name.startswith(p)), "")
        if prefix:
            beside[prefix][name.removeprefix(prefix)] = value
        else:
            metrics[name] = value
    return RunResults(
        spans=_spans(str(data.get(facts.SPANS, "[]"))),
        spans_left_out=str(data.get(facts.SPANS_LEFT_OUT, "")).splitlines(),
        compared_with=str(anomalies.get(facts.COMPARED_WITH, "")),
        start=str(model.get(facts.WARM_START, "")),
        anomalies=_anomalies(outputs["ExampleValidator"].uri("anomalies")),
        data={name: value for name, value in data.items() if isinstance(value, int)},
        metrics=metrics,
        baselines={
            prefix.removesuffix("_"): named for prefix, named in beside.items() if named
        },
        blessed_left_out=str(evaluation.get(facts.BLESSED_LEFT_OUT, "")),
        version_dir=str(pushed.get(facts.PUSHED_DESTINATION, "")),
        refusal=str(pushed.get(facts.REFUSAL, "")),
        refused=str(pushed.get(facts.REFUSED_VARIANTS, "")).splitlines(),
        pushed={
            name: float(value)
            for name, value in pushed.items()
            if isinstance(value, int | float)
        },
    )


def render(results: RunResults, report: str) -> str:
    """The results as text, a fact a line.

    Args:
      results: What came out of the run.
      report: Path of the page about it, or why there is none.
    """
    data = results.data
    rows = [
        ("rows read", f"{data[facts.ROWS_READ]:,}"),
        ("rows rejected", f"{data[facts.ROWS_REJECTED]:,}"),
        ("events", f"{data[facts.EVENTS]:,}"),
        ("users", f"{data[facts.USERS]:,}"),
        ("items", f"{data[facts.ITEMS]:,}"),
    ]
    if results.spans:
        rows.insert(0, ("spans", results.spans))
    rows += [("left out", text) for text in results.spans_left_out]
    if results.compared_with:
        rows.append(("newest span", f"compared with {results.compared_with}"))
    if results.start:
        rows.append(("warm start", results.start))
    rows += [("anomaly", text) for text in results.anomalies]
    for name in sorted(results.metrics, key=_metric_order):
        if not re.match(r"(recall|ndcg)@", name):
            continue
        beside = [
            _beside(baseline, results.metrics[name], named[name])
            for baseline, named in results.baselines.items()
        ]
        rows.append((name, f"{results.metrics[name]:.4f}  ({'; '.join(beside)})"))
    if results.blessed_left_out:
        rows.append(("latest blessed", f"not measured: {results.blessed_left_out}"))
    if results.version_dir:
        size = results.pushed[facts.MODEL_SIZE_BYTES]
        p50 = results.pushed[facts.LATENCY_P50_US]
        rows += [
            ("model.tflite", f"{size / 1e6:.2f} MB"),
            ("latency", f"{p50:,.0f} us (median, one thread)"),
            ("pushed to", results.version_dir),
        ]
    else:
        rows.append(("not pushed", results.refusal))
    rows += [("refused", line) for line in results.refused]
    found = data_notes.notes(data, results.metrics, results.baselines)
    rows += [("note", text) for text in found]
    rows.append(("report", report))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _spans(read: str) -> str:
    """Spans and versions, as "3, 4 version 2"."""
    return ", ".join(
        str(number) if version is None else f"{number} version {version}"
        for number, version in json.loads(read)
    )


def _beside(baseline: str, value: float, base: float) -> str:
    ratio = f", {value / base:.2f} times" if base else ""
    return f"{baseline} {base:.4f}{ratio}"


def _anomalies(uri: str) -> list[str]:
    found: list[str] = []
    for split in sorted(fileio.listdir(uri)):
        path = os.path.join(uri, split, "SchemaDiff.pb")
        with fileio.open(path, "rb") as file:
            found += anomaly_words.words(file.read(), split.removeprefix("Split-"))
    return found


def _metric_order(name: str) -> tuple[str, int]:
    kind, _, k = name.partition("@")
    return kind, int(k) if k.isdigit() else 0


def _properties(
    artifact: metadata_store_pb2.Artifact,
) -> dict[str, int | float | str]:
    values: dict[str, int | float | str] = {}
    for name, value in artifact.custom_properties.items():
        kind = value.WhichOneof("value")
        if kind in ("int_value", "double_value", "string_value"):
            values[name] = getattr(value, kind)
    return values
