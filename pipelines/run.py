"""Runs a configured pipeline on this machine and tells how it went."""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
import time
import traceback

from ondevice_rec.pipelines import metadata_store
from ondevice_rec.pipelines.console import RunConsole
from ondevice_rec.pipelines.quiet import quiet
from ondevice_rec.pipelines.run_place import HERE, Place
from ondevice_rec.schemas import errors, pipeline_config_pb2

# The run ended well, but the model was refused: nothing was pushed.
NOT_PUSHED = 3


def run(
    config: pipeline_config_pb2.PipelineConfig,
    root: str,
    verbose: bool = False,
    span: int | None = None,
    place: Place = HERE,
) -> int:
    """Runs the pipeline with TFX's LocalDagRunner and prints the run's table.

    Args:
      config: The configuration, checked.
      root: Folder of everything the run writes: `artifacts/`, `metadata.sqlite`,
        `logs/`, `report.html` and, unless `serving.push_dir` is set, `serving/`.
      verbose: Whether the libraries' own messages are shown, instead of being kept in
        a file under `logs/`.
      span: The last span to read; None: the latest there is.
      place: The store of ML Metadata and the engine of the Beam pipelines.

    Returns:
      The exit code: 0 when a model was pushed, `NOT_PUSHED` when it was refused, 1
      when a component failed.

    Raises:
      UserError: If the run ended on something the user can mend.
    """
    root = os.path.abspath(root)
    log_path = os.path.join(root, "logs", time.strftime("%Y%m%d-%H%M%S.log"))
    try:
        os.makedirs(os.path.dirname(log_path), exist_ok=True)
    except OSError as error:
        raise errors.UserError(
            f"{root}: cannot be written: {error.strerror}. Choose another --root."
        ) from error
    run_id = datetime.datetime.now().isoformat()
    noise = contextlib.nullcontext((sys.stdout, sys.stderr))
    with noise if verbose else quiet(log_path) as (out, err):
        try:
            with RunConsole(err) as console:
                exit_code, table = _run(config, root, run_id, console, span, place)
        except Exception as error:
            log = "" if verbose else log_path
            report = _report_failure(root, run_id, error, log, place)
            if report:
                print(f"Report: {report}", file=err, flush=True)
            if errors.find(error):
                raise
            traceback.print_exc()
            print(f"ondevice-rec: {type(error).__name__}: {error}", file=err)
            if not verbose:
                print(f"The whole log: {log_path}", file=err)
            return 1
        print(table, file=out)
        return exit_code


def _report_failure(
    root: str, run_id: str, error: Exception, log: str, place: Place
) -> str:
    """Path of the page about a run that failed; "" where none can be made."""
    if not place.metadata_url and not os.path.exists(
        os.path.join(root, "metadata.sqlite")
    ):
        # It failed before there was anything to tell of.
        return ""
    from ondevice_rec.pipelines import run_report

    return run_report.after(root, run_id, error, log or None, place.metadata_url)


def _run(
    config: pipeline_config_pb2.PipelineConfig,
    root: str,
    run_id: str,
    console: RunConsole,
    span: int | None,
    place: Place,
) -> tuple[int, str]:
    loading = "loading TensorFlow, TFX"
    console.started(loading)
    connection = place.connection(root)
    metadata_store.require_reachable(connection)
    from ondevice_rec.pipelines import (
        local_runner,
        rooted_pipeline,
        run_outputs,
        run_report,
        run_table,
    )

    built = rooted_pipeline.build(config, root, connection, place.beam_args, span)
    console.finished(loading)

    class Listener:
        """Tells the console, and whether a node came from the cache."""

        def started(self, node_id: str) -> None:
            console.started(node_id)

        def finished(self, node_id: str) -> None:
            node = run_outputs.read(connection, run_id)[node_id]
            console.finished(node_id, "from the cache" if node.cached else "")

        def failed(self, node_id: str) -> None:
            console.failed(node_id)

    local_runner.LocalRunner(Listener(), run_id).run(built)
    results = run_table.collect(run_outputs.read(connection, run_id))
    folder = results.version_dir
    if folder and "://" not in folder and not os.path.isdir(folder):
        raise errors.UserError(
            "Nothing has changed since this model was pushed to "
            f"{folder}, which has been removed. Choose another "
            "`serving.push_dir` or --root to push it again."
        )
    report = run_report.after(root, run_id, store=place.metadata_url)
    table = run_table.render(results, report)
    return (0 if folder else NOT_PUSHED), table
