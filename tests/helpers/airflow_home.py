"""Airflow as the tests run it."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import servers

_SECONDS = 1_800


class Airflow:
    """An Airflow with a home of its own."""

    def __init__(self, programs: Path, home: Path, database: str = "") -> None:
        """Makes the home's settings, not its database.

        Args:
          programs: The environment's `bin`.
          home: An empty folder; DAGs lie in `home/dags`.
          database: SQLAlchemy's URL; "" for SQLite.
        """
        self.home = home
        self.dags = home / "dags"
        self.port = servers.free_port()
        self._programs = programs
        self.environment = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": (
                f"http://127.0.0.1:{self.port}/execution/"
            ),
            "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{self.port}/",
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            # A busy machine takes longer than 5 s to answer.
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        }
        if database:
            self.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = database

    def run(self, *command: str, seconds: float = _SECONDS) -> str:
        """Runs one of Airflow's commands; gives all it shows."""
        done = subprocess.run(
            [self._programs / "airflow", *command],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=seconds,
        )
        assert done.returncode == 0, done.stdout[-10_000:]
        return done.stdout

    @contextlib.contextmanager
    def running(self, *command: str) -> Iterator[None]:
        """Runs one of Airflow's services until the test is done."""
        with (self.home / f"{command[0]}.log").open("w") as log:
            process = subprocess.Popen(
                [self._programs / "airflow", *command],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                yield
            finally:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(30)
                # What it has started does not always end with it.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
