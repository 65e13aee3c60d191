"""The pipeline that the JSON file beside this one describes, as a DAG of Airflow 3.

`ondevice-rec compile --target airflow` copies this file: it stands alone, and imports
nothing but Airflow. Every node is a task that runs in the project's own environment.
"""

from __future__ import annotations

import datetime
import json
import pathlib
import shlex

import airflow

if int(airflow.__version__.partition(".")[0]) < 3:
    raise ImportError(
        f"{__file__} needs Airflow 3.0 or later; this is {airflow.__version__}. "
        "Use a later Airflow in an environment of its own, or TFX's AirflowDagRunner "
        "beside Airflow 2.11 (docs/orchestration.md of ondevice-rec)."
    )

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param
from airflow.timetables.interval import CronDataIntervalTimetable

_HERE = pathlib.Path(__file__).resolve()
_PIPELINE = json.loads(_HERE.with_suffix(".json").read_text(encoding="utf-8"))
_UTC = datetime.timezone.utc
_START = datetime.datetime.fromisoformat(_PIPELINE["start"]).replace(tzinfo=_UTC)


def _span() -> str:
    """Template of the run's span: asked for, or by the period; "" for the latest."""
    by_period = ""
    if _PIPELINE["first_span"] is not None:
        # A run that was triggered by hand may have no period.
        by_period = (
            "{% elif data_interval_start %}{{ "
            f"((data_interval_start.timestamp() - {_START.timestamp():.0f})"
            f" // {_PIPELINE['period_seconds']}) | int + {_PIPELINE['first_span']}"
            " }}"
        )
    return (
        "{% if params.span is not none %}{{ params.span }}" + by_period + "{% endif %}"
    )


def _command(node: str) -> str:
    """What a node's task runs. Names of runs are the user's: never part of it."""
    ir = str(_HERE.parent / _PIPELINE["ir"])
    command = [_PIPELINE["python"], "-m", "ondevice_rec.pipelines.cli", "run-node"]
    words = " ".join(shlex.quote(word) for word in [*command, ir, node])
    return f'exec {words} --run "$ONDEVICE_REC_RUN"'


_TIMEOUT = _PIPELINE["timeout_seconds"]
with DAG(
    _PIPELINE["name"],
    description="From a log of user activity to a recommender on the device.",
    schedule=(
        CronDataIntervalTimetable(_PIPELINE["schedule"], timezone="UTC")
        if _PIPELINE["schedule"]
        else None
    ),
    start_date=_START,
    catchup=_PIPELINE["catchup"],
    max_active_runs=_PIPELINE["max_active_runs"],
    params={
        "span": Param(
            None,
            type=["null", "integer"],
            description="Span of the data; empty: by the schedule, or the latest",
        )
    },
    tags=["ondevice-rec"],
) as dag:
    tasks = {
        node: BashOperator(
            task_id=node,
            bash_command=_command(node),
            env={"ONDEVICE_REC_RUN": "{{ run_id }}", "ONDEVICE_REC_SPAN": _span()},
            append_env=True,
            retries=_PIPELINE["retries"],
            retry_delay=datetime.timedelta(seconds=_PIPELINE["retry_delay_seconds"]),
            execution_timeout=(
                datetime.timedelta(seconds=_TIMEOUT) if _TIMEOUT else None
            ),
        )
        for node in _PIPELINE["nodes"]
    }
    for node, upstream in _PIPELINE["nodes"].items():
        for earlier in upstream:
            tasks[earlier] >> tasks[node]
