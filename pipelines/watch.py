"""Runs the pipeline for every span of a log as it arrives, on a single machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable

from ondevice_rec.pipelines import span_queue
from ondevice_rec.pipelines.run_place import HERE, Place
from ondevice_rec.schemas import log_spans, pipeline_config_pb2
from ondevice_rec.schemas.errors import UserError, find

_POLL_SECONDS = 5.0
# Without `log.window.success_file`: a span whose files have not changed for so long is
# taken for complete.
SETTLE_SECONDS = 30.0

# Config, root, verbose, span, place -> exit code of `ondevice-rec run`.
Run = Callable[[pipeline_config_pb2.PipelineConfig, str, bool, int, Place], int]


def in_process_of_its_own(
    config: pipeline_config_pb2.PipelineConfig,
    root: str,
    verbose: bool,
    span: int,
    place: Place,
) -> int:
    """Runs the pipeline so that whatever becomes of it, the watch goes on."""
    child = multiprocessing.get_context("spawn").Process(
        target=_child, args=(config.SerializeToString(), root, verbose, span, place)
    )
    child.start()
    try:
        child.join()
    except BaseException:
        child.terminate()
        child.join()
        raise
    assert child.exitcode is not None
    return child.exitcode


def watch(
    config: pipeline_config_pb2.PipelineConfig,
    root: str,
    folder: str = "",
    verbose: bool = False,
    place: Place = HERE,
    run: Run = in_process_of_its_own,
    poll_seconds: float = _POLL_SECONDS,
    settle_seconds: float = SETTLE_SECONDS,
) -> int:
    """Runs the pipeline once for every span that arrives, until Ctrl-C or SIGTERM.

    What has been done is asked of ML Metadata, so that a watch goes on where the one
    before it ended. A span that fails is told of and left until its files change.

    Args:
      config: The configuration, checked.
      root: See `run.run`.
      folder: Where spans arrive; "" for where the configuration says.
      verbose: See `run.run`.
      place: See `run.run`.
      run: Runs the pipeline.
      poll_seconds: How often the folder is looked at.
      settle_seconds: How long a span's files must not have changed, unless
        `log.window.success_file` tells when it is complete.

    Returns:
      The exit code, 0.

    Raises:
      UserError: the log has no spans, or is not on this machine.
    """
    if not log_spans.has_spans(config.log.path):
        raise UserError(
            f"`--watch` waits for spans, and `log.path` {config.log.path} has none. "
            "Put {SPAN}, or {YYYY}, {MM} and {DD}, into it."
        )
    if folder:
        config.log.path = log_spans.moved(config.log.path, os.path.abspath(folder))
    if "://" in config.log.path:
        raise UserError(
            f"`--watch` looks at folders of this machine, received {config.log.path}. "
            "Schedule `ondevice-rec run`, or use an orchestrator."
        )
    arrived = span_queue.SpanQueue(config, root, settle_seconds, place.metadata_url)
    _say(f"waiting for spans: {config.log.path}. Ctrl-C ends it.")
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while True:
            task = arrived.next()
            for span in arrived.newly_too_old():
                _say(f"{span} is older than the window and is not read")
            if task is None:
                time.sleep(poll_seconds)
                continue
            _say(f"{task.why} has arrived: reading up to span {task.last}")
            code = run(config, root, verbose, task.last, place)
            arrived.ended(task, code)
            _say(f"{task.why}: {_outcome(code)}")
    except KeyboardInterrupt:
        _say("stopped. Started again, it goes on with what has not been done.")
        return 0
    finally:
        signal.signal(signal.SIGTERM, previous)


def _outcome(code: int) -> str:
    return {
        0: "done",
        span_queue.NOT_PUSHED: "done, but nothing was pushed; the version that is "
        "served stays",
    }.get(
        code,
        f"failed (exit code {code}); the version that is served stays. It is tried "
        "again when its files change",
    )


def _say(words: str) -> None:
    print(f"ondevice-rec: {words}", file=sys.stderr, flush=True)


def _child(config: bytes, root: str, verbose: bool, span: int, place: Place) -> None:
    from ondevice_rec.pipelines import run
    from ondevice_rec.schemas import log_check

    parsed = pipeline_config_pb2.PipelineConfig.FromString(config)
    try:
        log_check.check(parsed, span)
        code = run.run(parsed, root, verbose, span, place)
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        mendable = find(error)
        if mendable is None:
            raise
        print(f"ondevice-rec: {mendable}", file=sys.stderr, flush=True)
        code = 2
    sys.exit(code)
