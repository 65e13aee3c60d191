"""The pipeline by TFX's AirflowDagRunner, with Airflow 2 and TFX in one environment.

For those who have such an Airflow; `airflow_dag.py` does without TFX in Airflow's
environment. A file in the DAG folder says:

    from ondevice_rec.pipelines import airflow_runner

    dag = airflow_runner.dag("/etc/walks.yaml", "/data/walks", schedule="@daily")
"""

from __future__ import annotations

import datetime
import os
from typing import TYPE_CHECKING, Any

from ondevice_rec.pipelines import load_config, metadata_store, run_node_command
from ondevice_rec.schemas.errors import UserError

if TYPE_CHECKING:
    from airflow import DAG


def dag(
    config: str,
    root: str,
    metadata_url: str | None = None,
    start: datetime.datetime | None = None,
    schedule: str | None = None,
    catchup: bool = False,
    max_active_runs: int = 1,
    default_args: dict[str, Any] | None = None,
) -> DAG:
    """Makes the DAG.

    Args:
      config: A configuration file.
      root: Folder of artifacts and pushed versions.
      metadata_url: Database of ML Metadata, without a password, which is read from
        `$PGPASSWORD` or `$MYSQL_PWD`; None: SQLite in `root`.
      start: As Airflow's `start_date`; None: 2026-01-01.
      schedule: As Airflow's.
      catchup: As Airflow's.
      max_active_runs: As Airflow's.
      default_args: Arguments of every task: `retries`, `execution_timeout`.

    Raises:
      UserError: the configuration or `root` cannot be used, or Airflow is not of
        version 2.
    """
    import airflow

    if airflow.__version__.partition(".")[0] != "2":
        raise UserError(
            "TFX's AirflowDagRunner needs Airflow 2.11, received "
            f"{airflow.__version__}. For Airflow 3: ondevice-rec compile --target "
            "airflow"
        )
    from tfx.orchestration.airflow import airflow_dag_runner

    from ondevice_rec.pipelines import pipeline

    if metadata_url is not None:
        metadata_store.check_url(metadata_url)
    loaded = load_config.load(config)
    # SQLite makes a file, but no folder.
    run_node_command.require_writable(root)
    built = pipeline.create_pipeline(
        loaded,
        pipeline_root=os.path.join(root, "artifacts"),
        push_dir=os.path.join(root, "serving"),
        metadata_connection_config=metadata_store.with_password(
            metadata_store.connection(root, metadata_url)
        ),
    )
    settings = airflow_dag_runner.AirflowPipelineConfig(
        {
            "start_date": start or datetime.datetime(2026, 1, 1),
            "schedule": schedule,
            "catchup": catchup,
            "max_active_runs": max_active_runs,
            "default_args": default_args or {},
        }
    )
    return airflow_dag_runner.AirflowDagRunner(settings).run(built)
