"""Runs, as text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ondevice_rec.lineage import wording
from ondevice_rec.lineage.runs import Run

_SHOWN = re.compile(r"(recall|ndcg)@10|mrr")


def render(found: Sequence[Run]) -> str:
    """A line for each run, with the metrics that are shown for every model."""
    names = sorted({n for run in found for n in run.metrics if _SHOWN.fullmatch(n)})
    header = ("run", "pipeline", "began", "seconds", "state", "version", *names)
    rows = [
        (
            run.name,
            run.pipeline,
            wording.moment(run.started),
            str((run.ended - run.started) // 1000),
            run.state,
            run.version or "",
            *(_metric(run, name) for name in names),
        )
        for run in found
    ]
    return wording.text_table(header, rows)


def _metric(run: Run, name: str) -> str:
    value = run.metrics.get(name)
    return "" if value is None else f"{value:.4f}"
