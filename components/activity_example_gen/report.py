"""Turns the counts of a run into `report.json`, and checks them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ondevice_rec.components.activity_example_gen.tally import Tally
from ondevice_rec.schemas import timeline
from ondevice_rec.schemas.log_files import IngestionError
from ondevice_rec.schemas.log_spans import Span

FILE = "report.json"
REJECTED_FILE = "rejected.jsonl"

_QUANTILES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1)


def make(tally: Tally, sizes: dict[str, int], num_items: int) -> dict[str, Any]:
    """Makes the report.

    Args:
      tally: The counts of all workers.
      sizes: Bytes of the log's files, in their order.
      num_items: Distinct items of the events used.

    Returns:
      The content of `report.json`.

    Raises:
      RuntimeError: Rows are missing: a mistake of this program.
    """
    rejected = dict(sorted(tally.get("rejected", {}).items()))
    filtered = dict(sorted(tally.get("filtered", {}).items()))
    found = {
        "rows_read": tally.get("rows_read", 0),
        "rejected": rejected,
        "filtered": filtered,
        "events": tally.get("events", 0),
        "users": tally.get("users", 0),
        "items": num_items,
        "splits": {
            split: tally.get("splits", {}).get(
                split, dict.fromkeys(("timelines", "segments", "targets", "entries"), 0)
            )
            for split in timeline.SPLITS
        },
        "timeline_length_quantiles": _quantiles(tally.get("lengths", {})),
        "files": [
            {"path": path, "bytes": size, "rows": tally.get("files", {}).get(path, 0)}
            for path, size in sizes.items()
        ],
        "samples": _samples(tally, list(sizes)),
    }
    accounted = found["events"] + sum(rejected.values()) + sum(filtered.values())
    if accounted != found["rows_read"]:
        raise RuntimeError(
            f"Of {found['rows_read']} rows, {accounted} are accounted for: "
            f"{found['events']} events, rejected {rejected}, filtered {filtered}. "
            "Please report this."
        )
    return found


def _samples(tally: Tally, paths: list[str]) -> list[dict[str, Any]]:
    return [
        {"reason": reason, "file": paths[number], "line": line, "text": text}
        for reason, rows in sorted(tally.get("samples", {}).items())
        for number, line, text in rows
    ]


def _quantiles(lengths: dict[str, int]) -> dict[str, int]:
    """Returns the lengths below which a share of the timelines lies."""
    counts = sorted((int(length), count) for length, count in lengths.items())
    total = sum(count for _, count in counts)
    found = {}
    for share in _QUANTILES if total else ():
        rank, seen = share * (total - 1), 0
        for length, count in counts:
            seen += count
            if seen > rank:
                found[f"{share:g}"] = length
                break
    return found


def spans(files: Mapping[Span, Sequence[str]], tally: Tally) -> list[dict[str, Any]]:
    """The spans read: "span", "version", "files", and their "rows" and "rejected"."""

    def count(name: str, paths: Sequence[str]) -> int:
        return sum(tally.get(name, {}).get(path, 0) for path in paths)

    return [
        {
            "span": span.number,
            "version": span.version,
            "files": list(paths),
            "rows": count("files", paths),
            "rejected": count("rejected_files", paths),
        }
        for span, paths in files.items()
    ]


def require_usable(report: dict[str, Any], max_rejected_fraction: float) -> None:
    """Checks that enough of the log, and of its newest span, can be used.

    Rows of older spans were judged on their own day.

    Raises:
      IngestionError: Too many rows were rejected, or no event is left.
    """
    rows = report["rows_read"]
    rejected = report["rejected"]
    files = report["files"]
    if report["spans"]:
        _require_newest(report["spans"][-1], report["samples"], max_rejected_fraction)
        max_rejected_fraction = 1.0
    where = files[0]["path"] + (f" and {len(files) - 1} more" if files[1:] else "")
    if not rows:
        raise IngestionError(
            f"{where}: there is a header line but no rows. Write the log again, or "
            "correct `path`."
        )
    number = sum(rejected.values())
    if number > max_rejected_fraction * rows:
        reasons = sorted(rejected, key=lambda reason: (-rejected[reason], reason))
        listed = "; ".join(
            f"{reason}: {rejected[reason]:,} ({rejected[reason] / rows:.1%})"
            for reason in reasons
        )
        sample = next(s for s in report["samples"] if s["reason"] == reasons[0])
        raise IngestionError(
            f"{number:,} of {rows:,} rows of {where} cannot be used "
            f"({number / rows:.1%}, allowed are {max_rejected_fraction:.1%}): "
            f"{listed}. For example "
            f"{sample['file']} line {sample['line']}: {sample['text']!r}. Correct the "
            "log or what the configuration says of its columns, or raise "
            "`log.max_rejected_fraction`."
        )
    if not report["events"]:
        raise IngestionError(
            f"No event is left of the {rows:,} rows of {where}: rejected "
            f"{_listed(rejected)}; left out by filters {_listed(report['filtered'])}. "
            "Loosen `filters`, or use a log with more events per user."
        )
    if not report["splits"][timeline.TRAIN]["targets"]:
        raise IngestionError(
            f"The train split has no target: the {report['events']:,} events of "
            f"{report['users']:,} users leave nothing to learn. Use another `split` or "
            "a longer log."
        )


def _require_newest(
    newest: dict[str, Any], samples: Sequence[dict[str, Any]], most: float
) -> None:
    name = f"Span {newest['span']}"
    rows, rejected = newest["rows"], newest["rejected"]
    if not rows:
        raise IngestionError(
            f"{name} is empty: {', '.join(newest['files'])} has no rows. There is "
            "nothing new to learn from. Write the span again, as a higher version "
            "where the path has {VERSION}."
        )
    if rejected > most * rows:
        own = [sample for sample in samples if sample["file"] in newest["files"]]
        for_example = "".join(
            f" For example {sample['file']} line {sample['line']}, "
            f"{sample['reason']}: {sample['text']!r}."
            for sample in own[:1]
        )
        raise IngestionError(
            f"{rejected:,} of {rows:,} rows of {name[0].lower()}{name[1:]} cannot be "
            f"used ({rejected / rows:.1%}, allowed are {most:.1%})."
            + for_example
            + " Correct the span, or raise `log.max_rejected_fraction`."
        )


def _listed(counts: dict[str, int]) -> str:
    if not counts:
        return "none"
    return ", ".join(f"{reason} {count:,}" for reason, count in counts.items())


def rejected_lines(report: dict[str, Any]) -> str:
    """Returns the samples as lines of JSON."""
    return "".join(
        json.dumps(sample, ensure_ascii=False) + "\n" for sample in report["samples"]
    )
