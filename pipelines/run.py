"""Runs a configured pipeline on this machine and tells how it went."""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
import time
import traceback

from ondevice_rec.pipelines.console import RunConsole
from ondevice_rec.pipelines.quiet import quiet
from ondevice_rec.schemas import errors, pipeline_config_pb2

# The run ended well, but the model was refused: nothing was pushed.
NOT_PUSHED = 3


def run(
    config: pipeline_config_pb2.PipelineConfig, root: str, verbose: bool = False
) -> int:
    """Runs the pipeline with TFX's LocalDagRunner and prints the run's table.

    Args:
      config: The configuration, checked.
      root: Folder of everything the run writes: `artifacts/`, `metadata.sqlite`,
        `logs/` and, unless `serving.push_dir` is set, `serving/`.
      verbose: Whether the libraries' own messages are shown, instead of being kept in
        a file under `logs/`.

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
    noise = contextlib.nullcontext((sys.stdout, sys.stderr))
    with noise if verbose else quiet(log_path) as (out, err):
        try:
            with RunConsole(err) as console:
                exit_code, table = _run(config, root, console)
        except Exception as error:
            if errors.find(error):
                raise
            traceback.print_exc()
            print(f"ondevice-rec: {type(error).__name__}: {error}", file=err)
            if not verbose:
                print(f"The whole log: {log_path}", file=err)
            return 1
        print(table, file=out)
        return exit_code


def _run(
    config: pipeline_config_pb2.PipelineConfig, root: str, console: RunConsole
) -> tuple[int, str]:
    loading = "loading TensorFlow, TFX"
    console.started(loading)
    from tfx.orchestration import metadata

    from ondevice_rec.pipelines import local_runner, pipeline, run_outputs, run_table

    connection = metadata.sqlite_metadata_connection_config(
        os.path.join(root, "metadata.sqlite")
    )
    try:
        built = pipeline.create_pipeline(
            config,
            pipeline_root=os.path.join(root, "artifacts"),
            push_dir=os.path.join(root, "serving"),
            metadata_connection_config=connection,
        )
    except ValueError as error:
        # Components check their own parameters when they are made.
        raise errors.UserError(str(error)) from error
    console.finished(loading)
    run_id = datetime.datetime.now().isoformat()

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
    if results.version_dir and not os.path.isdir(results.version_dir):
        raise errors.UserError(
            "Nothing has changed since this model was pushed to "
            f"{results.version_dir}, which has been removed. Choose another "
            "`serving.push_dir` or --root to push it again."
        )
    return (0 if results.version_dir else NOT_PUSHED), run_table.render(results)
