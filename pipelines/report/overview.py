"""The run at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ondevice_rec.lineage import tfx_names
from ondevice_rec.pipelines.report import wording
from ondevice_rec.pipelines.report.quality import CANDIDATE, NAMES, Quality
from ondevice_rec.pipelines.report.run_record import RunRecord
from ondevice_rec.schemas import facts

GOOD, BAD, OPEN = "good", "bad", "open"


@dataclass(frozen=True)
class Tile:
    """A figure.

    Attributes:
      label: What it is.
      value: The figure; a dash where it is not known.
      notes: What to hold it against.
    """

    label: str
    value: str
    notes: Sequence[str]


@dataclass(frozen=True)
class Overview:
    """The run at a glance.

    Attributes:
      verdict: What became of it, in a word or two.
      tone: `GOOD`, `BAD` or `OPEN`.
      reasons: Why, in words; maybe several.
      tiles: The figures that matter.
    """

    verdict: str
    tone: str
    reasons: Sequence[str]
    tiles: Sequence[Tile]


def collect(record: RunRecord, quality: Quality | None, failure: str) -> Overview:
    """Tells what became of a run.

    Args:
      record: The run.
      quality: How good its model is; None where that is not known.
      failure: Why it failed; "" where it did not, or nobody noted it.
    """
    verdict, tone = _verdict(record)
    reasons = [failure] if failure else _reasons(record)
    return Overview(verdict, tone, reasons, _tiles(record, quality))


def _verdict(record: RunRecord) -> tuple[str, str]:
    state = record.run.state
    if state == "pushed":
        return "Blessed and pushed", GOOD
    if state.startswith("unchanged"):
        return "Unchanged: pushed before", GOOD
    if state == "refused":
        blessings = record.outputs(tfx_names.BLESSING)
        if blessings and blessings[-1].number(facts.BLESSED) == 1:
            return "Blessed, but not pushed", BAD
        return "Refused", BAD
    ended_badly = state.startswith(("failed", "canceled"))
    return state[0].upper() + state[1:], BAD if ended_badly else OPEN


def _reasons(record: RunRecord) -> list[str]:
    found: list[str] = []
    for kind, names in (
        (tfx_names.BLESSING, (facts.REFUSAL, facts.REASON)),
        (tfx_names.PUSHED_MODEL, (facts.REFUSAL,)),
    ):
        for artifact in record.outputs(kind)[-1:]:
            found += [text for name in names if (text := artifact.text(name))]
    sentences = [part for text in found for part in text.split("; ")]
    # The pusher repeats what the evaluator said.
    kept = [s for s in sentences if not s.startswith("the model is not blessed: ")]
    return [sentence for sentence in dict.fromkeys(kept or sentences) if sentence]


def _tiles(record: RunRecord, quality: Quality | None) -> list[Tile]:
    pushed = record.outputs(tfx_names.PUSHED_MODEL)
    last = pushed[-1] if pushed else None
    size = last.number(facts.MODEL_SIZE_BYTES) if last else None
    p50 = last.number(facts.LATENCY_P50_US) if last else None
    p99 = last.number(facts.LATENCY_P99_US) if last else None
    tiles = [
        _metric_tile(quality, "ndcg", "NDCG"),
        _metric_tile(quality, "recall", "Recall"),
        Tile("model.tflite", wording.size(size), ["what apps load"] if size else []),
        Tile(
            "Latency",
            wording.microseconds(p50),
            ["median, one thread", f"p99 {wording.microseconds(p99)}"] if p99 else [],
        ),
    ]
    version = last.text(facts.PUSHED_VERSION) if last else None
    where = (last.text(facts.PUSHED_DESTINATION) if last else None) or ""
    tiles.append(Tile("Pushed version", version or wording.NONE, [where]))
    return tiles


def _metric_tile(quality: Quality | None, name: str, label: str) -> Tile:
    if quality is None or quality.k is None:
        return Tile(f"{label}@10", wording.NONE, ["not measured"])
    metric = f"{name}@{quality.k}"
    value = quality.overall[CANDIDATE].get(metric)
    notes = []
    ends = quality.intervals.get(CANDIDATE, {}).get(metric)
    if ends:
        notes.append(f"95%: {wording.interval(ends, 3)}")
    best = quality.best_other(metric)
    if best is not None and value is not None:
        other, base = best
        ratio = f"{value / base:.2f} times " if base else ""
        named = NAMES.get(other, other)
        notes.append(f"{ratio}the best other: {named}, {wording.metric(base)}")
    return Tile(f"{label}@{quality.k}", wording.metric(value), notes)
