"""Shows a run as it goes: components, their progress, their times."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ondevice_rec.recommendation import progress as progress_log

# Without a terminal there are no bars; a line now and then says that work goes on.
_SECONDS_BETWEEN_LINES = 10.0


class RunConsole(logging.Handler):
    """Draws the state of a run; a `local_runner.Listener` and a progress handler.

    Use it as a context manager around the run.
    """

    def __init__(self, stream: TextIO):
        super().__init__(level=logging.INFO)
        self._console = Console(
            file=stream,
            # Notebooks set $FORCE_COLOR, and cannot draw what moves.
            force_terminal=stream.isatty(),
            highlight=False,
            soft_wrap=True,
        )
        self._progress = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._node = ""
        self._task = self._progress.add_task("", total=None, detail="", visible=False)
        self._began = 0.0
        self._said = 0.0
        # Node id -> seconds, in the order of the run.
        self.seconds: dict[str, float] = {}

    def __enter__(self) -> RunConsole:
        progress_log.logger.addHandler(self)
        progress_log.logger.setLevel(logging.INFO)
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()
        progress_log.logger.removeHandler(self)

    def started(self, node_id: str) -> None:
        """A component, or another step of the run, begins."""
        self._node = node_id
        self._began = self._said = time.monotonic()
        if not self._console.is_terminal:
            self._console.print(f"> {node_id}")
        self._progress.reset(
            self._task, description=node_id, total=None, detail="", visible=True
        )

    def finished(self, node_id: str, note: str = "") -> None:
        """It ended well; `note` says in a few words with what."""
        self._end("[green]✓[/green]" if self._console.is_terminal else "+", note)

    def failed(self, node_id: str) -> None:
        """It raised."""
        self._end("[red]✗[/red]" if self._console.is_terminal else "x", "failed")

    def _end(self, mark: str, note: str) -> None:
        seconds = time.monotonic() - self._began
        self.seconds[self._node] = seconds
        self._progress.update(self._task, visible=False)
        line = f"{mark} {self._node:<24}{seconds:7.1f} s  {note}"
        self._console.print(line.rstrip())

    def emit(self, record: logging.LogRecord) -> None:
        """Moves the bar, from a record of `recommendation.progress.report`."""
        fields = record.__dict__
        if "task" not in fields:
            return
        self._progress.update(
            self._task,
            description=f"{self._node} {fields['task']}",
            completed=fields["done"],
            total=fields["total"] or None,
            detail=fields["detail"],
        )
        now = time.monotonic()
        overdue = now - self._said >= _SECONDS_BETWEEN_LINES
        if overdue and not self._console.is_terminal:
            self._said = now
            self._console.print(f"  {record.getMessage()}")
