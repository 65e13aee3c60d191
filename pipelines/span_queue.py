"""Which span is to be read next, given what has arrived and what has been done."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Mapping

from ondevice_rec.schemas import facts, log_check, log_spans, pipeline_config_pb2
from ondevice_rec.schemas.log_files import IngestionError, list_files
from ondevice_rec.schemas.log_spans import Span

# As `run.NOT_PUSHED`.
NOT_PUSHED = 3

# A span's files: path -> size in bytes, moment of the last change.
_Files = Mapping[str, tuple[int, int]]
_Key = tuple[int, int | None]


@dataclasses.dataclass(frozen=True)
class Task:
    """A run that is due.

    Attributes:
      why: The span that has arrived.
      last: The last span to read: this one or, where it is late, the latest that has
        been read.
    """

    why: Span
    last: int


class SpanQueue:
    """Gives the runs that are due, one at a time.

    A span is due when it is complete and no run that ended has read this version of
    it. Spans come in their order. One that comes late, or again as a higher version,
    is read with the latest one, if it is within its window.
    """

    def __init__(
        self,
        config: pipeline_config_pb2.PipelineConfig,
        root: str,
        settle_seconds: float,
        metadata_url: str | None = None,
    ) -> None:
        """Asks what has been done.

        Args:
          config: The configuration, checked.
          root: The runs' folder.
          settle_seconds: How long a span's files must not have changed, unless
            `log.window.success_file` tells when it is complete.
          metadata_url: Store of ML Metadata; None: SQLite in `root`.
        """
        self._log = config.log
        self._pipeline = config.pipeline_name
        self._root = root
        self._url = metadata_url
        self._settle = settle_seconds
        # When a span's files were first seen as they are now.
        self._seen: dict[_Key, tuple[_Files, float]] = {}
        self._failed: dict[_Key, _Files] = {}
        self._too_old: dict[_Key, bool] = {}
        self._done, self._last = self._ask()

    def next(self) -> Task | None:
        """The run that is due; None while there is none."""
        width = log_check.width(self._log)
        for span in log_spans.find(self._log.path, self._log.window):
            key = span.number, span.version
            if key in self._done or key in self._too_old:
                continue
            if not self._is_complete(span) or self._failed.get(key) == _files(
                self._log.path, span
            ):
                continue
            if self._last is None or span.number > self._last:
                return Task(span, span.number)
            if width and span.number <= self._last - width:
                self._too_old[key] = False
                continue
            return Task(span, self._last)
        return None

    def newly_too_old(self) -> list[Span]:
        """Spans that came when the window had passed them; each is told once."""
        fresh = [key for key, told in self._too_old.items() if not told]
        self._too_old.update(dict.fromkeys(fresh, True))
        return [Span(number, version, ()) for number, version in fresh]

    def ended(self, task: Task, code: int) -> None:
        """Takes note of how a run ended.

        Args:
          task: The run.
          code: Its exit code.
        """
        self._done, self._last = self._ask()
        key = task.why.number, task.why.version
        if code not in (0, NOT_PUSHED) or key not in self._done:
            self._failed[key] = _files(self._log.path, task.why)

    def _is_complete(self, span: Span) -> bool:
        if self._log.window.success_file:
            return True
        key, found = (span.number, span.version), _files(self._log.path, span)
        before, since = self._seen.get(key, ({}, 0.0))
        if found != before:
            since = time.monotonic()
            self._seen[key] = found, since
        return bool(found) and time.monotonic() - since >= self._settle

    def _ask(self) -> tuple[set[_Key], int | None]:
        """What the runs that ended have read, and the last span, of ML Metadata."""
        local = os.path.join(self._root, "metadata.sqlite")
        if not self._url and not os.path.exists(local):
            return set(), None
        from ondevice_rec.lineage import runs, tfx_names
        from ondevice_rec.lineage.store import Store

        store = Store(self._url or self._root)
        done: set[_Key] = set()
        last: list[int] = []
        for run in runs.runs(store):
            ended = run.nodes.get("TFLitePusher") in ("complete", "cached")
            if run.pipeline != self._pipeline or not ended:
                continue
            events = store.events_of_executions([run.executions["ActivityExampleGen"]])
            for artifact in store.artifacts(e.artifact for e in events if e.output):
                if artifact.type != tfx_names.EXAMPLES:
                    continue
                read = json.loads(artifact.text(facts.SPANS) or "[]")
                done |= {(number, version) for number, version in read}
                last += [number for number, _ in read[-1:]]
        return done, max(last, default=None)


def _files(path: str, span: Span) -> _Files:
    found = {}
    for pattern in span.patterns(path):
        try:
            for name in list_files(pattern):
                stat = os.stat(name)
                found[name] = stat.st_size, stat.st_mtime_ns
        except (IngestionError, FileNotFoundError):
            # Nothing there yet, or just being moved.
            continue
    return found
