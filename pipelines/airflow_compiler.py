"""Writes the pipeline for Airflow: its IR, what Airflow needs to know, and the DAG.

Nothing of TFX goes into Airflow's environment: one task a node calls
`ondevice-rec run-node` in this project's.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import sys
from pathlib import Path

from ondevice_rec.pipelines import compiled_pipeline, metadata_store, output_folder
from ondevice_rec.pipelines.run_place import Place
from ondevice_rec.schemas import errors, pipeline_config_pb2

# Seconds of the periods that spans can be counted by.
PERIODS = {"@hourly": 3_600, "@daily": 86_400, "@weekly": 604_800}


@dataclasses.dataclass(frozen=True)
class Schedule:
    """When Airflow runs the pipeline, and how.

    Attributes:
      when: @hourly, @daily, @weekly or a cron expression, in UTC; None: only when
        triggered.
      start: First day of the schedule; None: today.
      catchup: Whether the periods between `start` and today are run too.
      first_span: Span of the schedule's first period; None: every run takes the
        latest.
      max_active_runs: Runs at once.
      retries: How often a node that failed is tried again.
      retry_delay: Seconds before it is.
      timeout: Seconds after which a node counts as failed; None: never.
    """

    when: str | None = None
    start: datetime.date | None = None
    catchup: bool = False
    first_span: int | None = None
    max_active_runs: int = 1
    retries: int = 2
    retry_delay: float = 60
    timeout: float | None = None

    def __post_init__(self) -> None:
        for name, least in (
            ("max_active_runs", 1),
            ("first_span", 0),
            ("retries", 0),
            ("retry_delay", 0),
            ("timeout", 1),
        ):
            value = getattr(self, name)
            if value is not None and value < least:
                option = name.replace("_", "-")
                raise errors.UserError(
                    f"--{option} must be >= {least}, received {value}."
                )
        if self.catchup and not (self.when and self.start):
            raise errors.UserError(
                "--catchup needs --schedule and --start: the periods to run."
            )
        if self.first_span is not None and not (self.when in PERIODS and self.start):
            raise errors.UserError(
                "--first-span needs --start and a --schedule whose periods are of one "
                f"length ({', '.join(PERIODS)}), received --schedule {self.when} "
                f"--start {self.start}."
            )


def write(
    config: pipeline_config_pb2.PipelineConfig,
    output: str,
    root: str,
    place: Place,
    schedule: Schedule,
) -> Path:
    """Writes `NAME.py`, `NAME.json` and `NAME.ir.json` for Airflow's DAG folder.

    Args:
      config: The configuration, checked.
      output: Folder to write to; made where it is not there.
      root: Folder of artifacts and pushed versions, as the nodes see it.
      place: The store of ML Metadata and the engine of the Beam pipelines.
      schedule: When and how Airflow runs it.

    Returns:
      The file of the DAG.

    Raises:
      UserError: The folder cannot be written, or the configuration cannot be used.
    """
    root = os.path.abspath(root)
    folder = output_folder.make(output)
    ir = _compiled(config, root, place)
    name = config.pipeline_name
    described = {
        "name": name,
        "python": sys.executable,
        "ir": f"{name}.ir.json",
        "nodes": compiled_pipeline.upstream(json.loads(ir)),
        "schedule": schedule.when,
        "start": (schedule.start or datetime.date.today()).isoformat(),
        "catchup": schedule.catchup,
        "first_span": schedule.first_span,
        "period_seconds": PERIODS.get(schedule.when or ""),
        "max_active_runs": schedule.max_active_runs,
        "retries": schedule.retries,
        "retry_delay_seconds": schedule.retry_delay,
        "timeout_seconds": schedule.timeout,
    }
    _replace(folder / f"{name}.ir.json", ir)
    _replace(folder / f"{name}.json", json.dumps(described, indent=2) + "\n")
    dag = folder / f"{name}.py"
    _replace(dag, Path(__file__).with_name("airflow_dag.py").read_text())
    return dag


def _replace(path: Path, text: str) -> None:
    """Writes a file in one step: Airflow may be reading it."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)


def _compiled(
    config: pipeline_config_pb2.PipelineConfig, root: str, place: Place
) -> str:
    """The pipeline's IR as JSON; which run it is stays open."""
    from google.protobuf import json_format
    from tfx.dsl.compiler import compiler

    from ondevice_rec.pipelines import rooted_pipeline

    # The nodes read the password where they run.
    connection = metadata_store.connection(root, place.metadata_url)
    built = rooted_pipeline.build(config, root, connection, place.beam_args)
    ir = compiler.Compiler().compile(built)
    return json_format.MessageToJson(ir, sort_keys=True) + "\n"
