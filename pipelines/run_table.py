"""The table a run ends in."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping

from ml_metadata.proto import metadata_store_pb2
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.dsl.io import fileio

from ondevice_rec.pipelines.run_outputs import NodeOutputs
from ondevice_rec.schemas import facts


@dataclasses.dataclass(frozen=True)
class RunResults:
    """What came out of a run.

    Attributes:
      data: Counts of the ingested log, by name.
      anomalies: What ExampleValidator found, e.g. "item (test): Column dropped".
      metrics: The model's metrics over all queries, e.g. {"recall@10": 0.1}.
      popularity: The same of the popularity model.
      version_dir: Folder of the pushed version; empty when nothing was pushed.
      refusal: Why nothing was pushed; empty otherwise.
      pushed: Facts of the pushed model, by name.
    """

    data: dict[str, int]
    anomalies: list[str]
    metrics: dict[str, float]
    popularity: dict[str, float]
    version_dir: str
    refusal: str
    pushed: dict[str, float]


def collect(outputs: Mapping[str, NodeOutputs]) -> RunResults:
    """Gathers a run's results from the properties of its artifacts.

    Args:
      outputs: Node id -> outputs, of a run whose components all ended well.
    """
    data = _properties(outputs["ActivityExampleGen"].artifacts["report"])
    evaluation = _properties(outputs["TopKEvaluator"].artifacts["evaluation"])
    pushed = _properties(outputs["TFLitePusher"].artifacts["pushed_model"])
    metrics, popularity = {}, {}
    for name, value in evaluation.items():
        if isinstance(value, float):
            if name.startswith(facts.POPULARITY_PREFIX):
                popularity[name.removeprefix(facts.POPULARITY_PREFIX)] = value
            else:
                metrics[name] = value
    return RunResults(
        anomalies=_anomalies(outputs["ExampleValidator"].uri("anomalies")),
        data={name: value for name, value in data.items() if isinstance(value, int)},
        metrics=metrics,
        popularity=popularity,
        version_dir=str(pushed.get(facts.PUSHED_DESTINATION, "")),
        refusal=str(pushed.get(facts.REFUSAL, "")),
        pushed={
            name: float(value)
            for name, value in pushed.items()
            if isinstance(value, int | float)
        },
    )


def render(results: RunResults) -> str:
    """The results as text, a fact a line."""
    data = results.data
    rows = [
        ("rows read", f"{data[facts.ROWS_READ]:,}"),
        ("rows rejected", f"{data[facts.ROWS_REJECTED]:,}"),
        ("events", f"{data[facts.EVENTS]:,}"),
        ("users", f"{data[facts.USERS]:,}"),
        ("items", f"{data[facts.ITEMS]:,}"),
    ]
    rows += [("anomaly", text) for text in results.anomalies]
    for name in sorted(results.metrics, key=_metric_order):
        if not re.match(r"(recall|ndcg)@", name):
            continue
        value, base = results.metrics[name], results.popularity.get(name, 0.0)
        ratio = f", {value / base:.2f} times" if base else ""
        rows.append((name, f"{value:.4f}  (popularity {base:.4f}{ratio})"))
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
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _anomalies(uri: str) -> list[str]:
    found = []
    for split in sorted(fileio.listdir(uri)):
        path = os.path.join(uri, split, "SchemaDiff.pb")
        message = anomalies_pb2.Anomalies.FromString(fileio.open(path, "rb").read())
        name = split.removeprefix("Split-")
        if message.HasField("dataset_anomaly_info"):
            found.append(f"{name}: {message.dataset_anomaly_info.description}")
        found += [
            f"{feature} ({name}): {info.description}"
            for feature, info in sorted(message.anomaly_info.items())
        ]
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
