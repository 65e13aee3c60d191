"""What `benchmarks.quality` found, as a table and as a picture."""

from __future__ import annotations

import glob
import json
import os
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

Result = Mapping[str, Any]


def read(folder: str) -> list[Result]:
    """The results of all rows and seeds."""
    found = []
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        with open(path, encoding="utf-8") as file:
            found.append(json.load(file))
    return found


def rows(results: Sequence[Result]) -> list[dict[str, object]]:
    """A line for each row, means and standard deviations over the seeds."""
    return [_line(row, of_row) for row, of_row in _by_row(results).items()]


def _by_row(results: Sequence[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result["row"], []).append(result)
    return found


def _line(row: str, results: Sequence[Result]) -> dict[str, object]:
    first = results[0]["models"]
    float32 = [_variant(result, "FLOAT32") for result in results]
    int8 = [_variant(result, "INT8_WEIGHTS") for result in results]
    return {
        "row": row,
        "seeds": len(results),
        "HR@10": _spread([r["models"]["candidate"]["recall@10"] for r in results]),
        "NDCG@10": _spread([r["models"]["candidate"]["ndcg@10"] for r in results]),
        "popularity": _pair(first["popularity"]),
        "Markov": _pair(first["markov"]),
        "epochs": _mean([r["epochs"] for r in results], 0),
        "training s": _mean([r["training_seconds"] for r in results], 0),
        "bytes": _mean([v.get("size") for v in float32], 0),
        "us a call": _mean([v.get("p50_us") for v in float32], 0),
        "int8 bytes": _mean([v.get("size") for v in int8], 0),
        "int8 NDCG loss": _mean([v.get("ndcg_loss") for v in int8], 4),
    }


def _variant(result: Result, precision: str) -> Mapping[str, Any]:
    return next((v for v in result["variants"] if v["precision"] == precision), {})


def _spread(values: Sequence[float]) -> str:
    mean = f"{statistics.fmean(values):.4f}"
    return f"{mean} ± {statistics.stdev(values):.4f}" if len(values) > 1 else mean


def _mean(values: Sequence[float | None], digits: int) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.fmean(known):,.{digits}f}" if known else "-"


def _pair(metrics: Mapping[str, float]) -> str:
    return f"{metrics['recall@10']:.4f} / {metrics['ndcg@10']:.4f}"


def plot(results: Sequence[Result], path: str) -> None:
    """Draws HR@10 against latency and size: up and left is better.

    Args:
      results: As `read` gives them; rows that were not pushed are left out.
      path: The picture to write, .svg or .png.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    by_row = {
        row: found
        for row, found in _by_row(results).items()
        if any(result["pushed"] for result in found)
    }
    data = sorted({row.partition("/")[0] for row in by_row})
    figure, axes = pyplot.subplots(
        len(data), 2, figsize=(9, 3.2 * len(data)), squeeze=False, sharey="row"
    )
    for row, found in by_row.items():
        name, _, recipe = row.partition("/")
        pushed = [result for result in found if result["pushed"]]
        recall = statistics.fmean(r["models"]["candidate"]["recall@10"] for r in pushed)
        for axis, key, unit in zip(
            axes[data.index(name)], ("p50_us", "size"), (1.0, 1024.0), strict=True
        ):
            value = statistics.fmean(_variant(r, "FLOAT32")[key] for r in pushed)
            axis.plot(value / unit, recall, "o")
            axis.annotate(recipe or "preset", (value / unit, recall), fontsize=8)
    for name, (left, right) in zip(data, axes, strict=True):
        left.set(xlabel="us a call, one thread", ylabel=f"{name}\nHR@10", xscale="log")
        right.set(xlabel="KB, float32")
    figure.tight_layout()
    figure.savefig(path)
