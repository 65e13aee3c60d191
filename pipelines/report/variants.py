"""The TFLite files: size against latency against quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ondevice_rec.lineage import tfx_names
from ondevice_rec.lineage.graph import ArtifactNode
from ondevice_rec.pipelines.report.files import Files
from ondevice_rec.pipelines.report.missing import Missing
from ondevice_rec.pipelines.report.run_record import RunRecord
from ondevice_rec.schemas import facts

# Longer first: one is how another one begins.
_PRECISIONS = ("INT8_WEIGHTS", "INT8", "FLOAT16", "FLOAT32")


@dataclass(frozen=True)
class Variant:
    """A TFLite file.

    Attributes:
      precision: How its weights are stored.
      file: Its name in the version folder; "" where it was not published.
      refusal: Why it was not, in words; "" where it was.
      size: Bytes.
      p50: Microseconds of the median call, one thread.
      p99: Of the slowest of a hundred.
      quality: Its metrics on the timelines it was verified with, and how it agrees
        with the SavedModel, by name.
    """

    precision: str
    file: str
    refusal: str
    size: float | None
    p50: float | None
    p99: float | None
    quality: dict[str, float]


def collect(record: RunRecord, files: Files) -> Sequence[Variant]:
    """Reads the manifest that was kept; ML Metadata where there is none.

    Raises:
      Missing: neither says anything.
    """
    artifact = record.artifact(tfx_names.PUSHED_MODEL)
    try:
        found = files.json(artifact, "manifest.json")
        return [_of_manifest(variant) for variant in found["variants"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        missing = Missing(f"manifest.json was written by other software: {error!r}.")
    except Missing as error:
        missing = error
    variants = _of_properties(artifact)
    if variants:
        return variants
    refusal = artifact.text(facts.REFUSAL)
    if refusal:
        raise Missing(f"Nothing was converted or measured: {refusal}.")
    raise missing


def _of_manifest(found: dict[str, Any]) -> Variant:
    latency = found.get("latency_us") or {}
    quality = {
        name: value
        for name, value in found.items()
        if isinstance(value, float) and name != "size"
    }
    return Variant(
        precision=str(found["precision"]),
        file=str(found.get("file") or ""),
        refusal=str(found.get("refusal") or ""),
        size=found.get("size"),
        p50=latency.get("p50"),
        p99=latency.get("p99"),
        quality=quality,
    )


def _of_properties(artifact: ArtifactNode) -> list[Variant]:
    refused = dict(
        line.split(": ", 1)
        for line in (artifact.text(facts.REFUSED_VARIANTS) or "").splitlines()
        if ": " in line
    )
    named: dict[str, dict[str, float]] = {precision: {} for precision in refused}
    for name, value in artifact.properties.items():
        for precision in _PRECISIONS:
            prefix = precision.lower() + "_"
            if name.startswith(prefix) and not isinstance(value, str):
                named.setdefault(precision, {})[name.removeprefix(prefix)] = value
                break
    return [
        Variant(
            precision=precision,
            file="",
            refusal=refused.get(precision, ""),
            size=quality.pop(facts.MODEL_SIZE_BYTES, None),
            p50=quality.pop(facts.LATENCY_P50_US, None),
            p99=quality.pop(facts.LATENCY_P99_US, None),
            quality=quality,
        )
        for precision, quality in named.items()
    ]
