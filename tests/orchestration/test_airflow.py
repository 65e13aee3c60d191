"""A whole pipeline by Airflow 3, each node a task in this project's environment."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import walks
from airflow_home import Airflow

from ondevice_rec.lineage import runs
from ondevice_rec.lineage.store import Store
from ondevice_rec.pipelines import cli, recommend

pytestmark = pytest.mark.integration

# 3 January 2026, in days since 1970-01-01.
FIRST_SPAN = 20_456


@pytest.fixture(scope="module")
def compiled(
    airflow_programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Airflow:
    """Three days, and a pipeline in the DAG folder of an Airflow on SQLite."""
    folder = tmp_path_factory.mktemp("airflow")
    for day in (3, 4, 5):
        # Only on the fourth do they walk in order.
        path = folder / "logs" / f"2026-01-0{day}" / "log.csv"
        walks.write_log(path, follow=day == 4)
    walks.write_catalogue(folder / "items.csv")
    log = "path: log.csv"
    assert log in walks.CONFIG
    config = walks.CONFIG.replace(log, 'path: "logs/{YYYY}-{MM}-{DD}/*.csv"')
    (folder / "config.yaml").write_text(config)
    airflow = Airflow(airflow_programs, folder / "home")
    code = cli.main(
        ["compile", str(folder / "config.yaml"), "--target", "airflow",
         "--output", str(airflow.dags), "--root", str(folder / "root"),
         "--schedule", "@daily", "--start", "2026-01-03",
         "--first-span", str(FIRST_SPAN)]
    )  # fmt: skip
    assert code == 0
    airflow.run("db", "migrate")
    return airflow


def nodes(compiled: Airflow) -> set[str]:
    return set(json.loads((compiled.dags / "walks.json").read_text())["nodes"])


def test_airflow_pushes_a_model(
    compiled: Airflow, capfd: pytest.CaptureFixture[str]
) -> None:
    # A day's data are complete when the next one begins.
    compiled.run("dags", "test", "walks", "2026-01-05")
    root = compiled.home.parent / "root"
    (run,) = runs.runs(Store(str(root)))
    assert run.state == "pushed"
    assert set(run.nodes) == nodes(compiled)
    capfd.readouterr()
    assert recommend.run(str(root / "serving"), ["i3", "i4"], 1, True, False) == 0
    (found,) = json.loads(capfd.readouterr().out)["recommendations"]
    assert found["key"] == "i5"


def test_airflow_needs_nothing_of_tfx(
    compiled: Airflow, airflow_programs: Path
) -> None:
    program = (
        "import importlib.util, runpy, sys\n"
        "assert not any(map(importlib.util.find_spec, ['tfx', 'ondevice_rec']))\n"
        "dag = runpy.run_path(sys.argv[1])['dag']\n"
        "print(*dag.task_ids)"
    )
    done = subprocess.run(
        [airflow_programs / "python", "-I", "-c", program, compiled.dags / "walks.py"],
        env=compiled.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(done.stdout.split()) >= nodes(compiled), done.stderr
