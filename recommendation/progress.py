"""How far long work has come, told through logging.

Components report; whoever runs them decides what to show. The command line draws
bars, an orchestrator's log keeps the lines.
"""

from __future__ import annotations

import logging

logger = logging.getLogger("ondevice_rec.progress")


def report(task: str, done: float, total: float, detail: str = "") -> None:
    """Says that `done` of `total` units of `task` are finished.

    Args:
      task: What is being done, e.g. "training".
      done: Units finished so far.
      total: Units there are; 0 when unknown.
      detail: A few words to show beside it, e.g. "recall@10 0.102".
    """
    share = f" {done / total:.0%}" if total else f" {done:,.0f}"
    logger.info(
        "%s%s%s",
        task,
        share,
        f" ({detail})" if detail else "",
        extra={"task": task, "done": done, "total": total, "detail": detail},
    )
