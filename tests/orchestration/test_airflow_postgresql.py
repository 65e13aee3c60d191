"""Airflow's scheduler with LocalExecutor, PostgreSQL under Airflow and ML Metadata.

Half an hour: set ONDEVICE_REC_TEST_AIRFLOW_POSTGRESQL=1 to have it run.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import servers
import walks
from airflow_home import Airflow

from ondevice_rec.lineage import models, runs, trace
from ondevice_rec.lineage.store import Store
from ondevice_rec.pipelines import cli
from ondevice_rec.recommendation.ondevice import version_folder

ASKED = "ONDEVICE_REC_TEST_AIRFLOW_POSTGRESQL"
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not os.environ.get(ASKED), reason=f"takes half an hour: set {ASKED}=1"
    ),
]
SPANS = (1, 2, 3)
KILLED = "SequenceTransform"
_SECONDS = 7_200


@pytest.fixture
def postgresql() -> Iterator[str]:
    with servers.account_folder() as folder, servers.postgresql(folder) as url:
        yield url


def query(url: str, statement: str) -> list[str]:
    psql = servers.program("psql", "postgresql-client")
    command = [psql, "-At", f"{url}/airflow", "-c", statement]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split()


def wait(reached: Callable[[], bool], seconds: float = _SECONDS) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(1)


def attempts(node: str, run: str) -> list[int]:
    """Processes that run a node."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().decode().split("\0")
            if "run-node" in words and node in words and run in words:
                found.append(int(folder.name))
    return found


def test_three_spans_are_caught_up_though_a_task_is_killed(
    airflow_programs: Path, postgresql: str, tmp_path: Path
) -> None:
    for span in SPANS:
        walks.write_log(tmp_path / f"span-{span}" / "log.csv", seed=span)
    walks.write_catalogue(tmp_path / "items.csv")
    config = walks.CONFIG.replace("path: log.csv", 'path: "span-{SPAN}/*.csv"')
    (tmp_path / "config.yaml").write_text(config)
    today = datetime.datetime.now(datetime.timezone.utc).date()
    home = tmp_path / "home"
    database = postgresql.replace("postgresql://", "postgresql+psycopg2://")
    airflow = Airflow(airflow_programs, home, f"{database}/airflow")
    code = cli.main(
        ["compile", str(tmp_path / "config.yaml"), "--target", "airflow",
         "--output", str(airflow.dags), "--root", str(tmp_path / "root"),
         "--metadata", f"{postgresql}/store", "--retry-delay", "1",
         "--schedule", "@daily", "--start", str(today - datetime.timedelta(len(SPANS))),
         "--catchup", "--first-span", str(SPANS[0])]
    )  # fmt: skip
    assert code == 0
    createdb = servers.program("createdb", "postgresql-client")
    subprocess.run([createdb, "--maintenance-db", f"{postgresql}/postgres", "airflow"],
                   check=True)  # fmt: skip
    airflow.run("db", "migrate")

    with (
        airflow.running("api-server", "--host", "127.0.0.1", "--port",
                        str(airflow.port), "--workers", "1"),
        airflow.running("dag-processor"),
        airflow.running("scheduler"),
    ):  # fmt: skip
        wait(lambda: query(postgresql, "select dag_id from dag") == ["walks"], 600)
        airflow.run("dags", "unpause", "walks", "-y")
        wait(lambda: bool(attempts(KILLED, "--run")))
        # In the middle of its work.
        time.sleep(20)
        for process in attempts(KILLED, "--run"):
            os.kill(process, signal.SIGKILL)
        ended = "select state from dag_run where state in ('success', 'failed')"
        wait(lambda: len(query(postgresql, ended)) >= len(SPANS))

    assert query(postgresql, ended) == ["success"] * len(SPANS)
    tried = query(
        postgresql,
        f"select try_number from task_instance where task_id = '{KILLED}' "
        "order by try_number",
    )
    assert len(tried) == len(SPANS)
    assert tried[-1] > "1"
    store = Store(f"{postgresql}/store")
    found = list(runs.runs(store))
    assert [run.state for run in found] == ["pushed"] * len(SPANS)
    versions = version_folder.versions(tmp_path / "root" / "serving")
    traces = [trace.trace(store, models.find(store, str(v))) for v in versions]
    read = [[int(span.facts["span"]) for span in found.spans] for found in traces]
    assert read == [[span] for span in SPANS]
