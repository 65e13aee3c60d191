"""The same answers from PostgreSQL and MySQL, by servers that the tests start."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from ondevice_rec.lineage import models, runs, trace
from ondevice_rec.lineage.errors import LineageError
from ondevice_rec.lineage.render import trace_tree
from ondevice_rec.lineage.store import Store

pytestmark = pytest.mark.integration

# Debian keeps servers off the PATH.
SERVERS = os.pathsep.join(
    [os.environ["PATH"], "/usr/sbin", *glob.glob("/usr/lib/postgresql/*/bin")]
)


def program(name: str, package: str) -> str:
    """Where a program is; skips where it is not installed."""
    found = shutil.which(name, path=SERVERS)
    if found is None:
        pytest.skip(f"no {name}: install it (Debian: apt install {package})")
    return found


def account() -> str:
    """Who runs the servers, which refuse to be root."""
    return "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder of the account's own; pytest's are for the tests' user alone."""
    with tempfile.TemporaryDirectory() as name:
        shutil.chown(name, account())
        yield Path(name)


def run(*command: str) -> None:
    done = subprocess.run(
        command, user=account(), cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def server(port: int, *command: str) -> Iterator[None]:
    """Runs a server until it has answered and the test is done."""
    process = subprocess.Popen(
        command,
        user=account(),
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            assert process.poll() is None, command
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port), timeout=1),
            ):
                break
            time.sleep(0.1)
        yield
    finally:
        # PostgreSQL would wait for its clients to leave.
        process.send_signal(signal.SIGQUIT)
        process.wait()


@pytest.fixture(scope="module")
def postgresql(folder: Path) -> Iterator[str]:
    """URL of a PostgreSQL server, without a database."""
    data, port = folder / "postgresql", free_port()
    initdb = program("initdb", "postgresql")
    run(initdb, "-D", str(data), "-A", "trust", "-U", "ann", "--no-sync")
    options = ("-h", "127.0.0.1", "-p", str(port), "-k", str(folder))
    with server(port, program("postgres", "postgresql"), "-D", str(data), *options):
        yield f"postgresql://ann@127.0.0.1:{port}"


@pytest.fixture(scope="module")
def mysql(folder: Path) -> Iterator[str]:
    """URL of a MariaDB server, without a database."""
    daemon, port = program("mariadbd", "mariadb-server"), free_port()
    install = program("mariadb-install-db", "mariadb-server")
    common = (
        "--no-defaults",
        f"--datadir={folder / 'mysql'}",
        f"--basedir={Path(daemon).parents[1]}",
    )
    run(install, *common, "--auth-root-authentication-method=normal", "--skip-test-db")
    place = (f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/s")
    with server(port, daemon, *common, *place):
        yield f"mysql://root@127.0.0.1:{port}"


def connection(url: str) -> pb.ConnectionConfig:
    """As the pipeline connects: ML Metadata makes the database itself."""
    scheme, _, rest = url.partition("://")
    user, _, place = rest.partition("@")
    host, _, port = place.partition("/")[0].partition(":")
    config = pb.ConnectionConfig()
    if scheme == "mysql":
        found: Any = config.mysql
        found.database, found.port = "store", int(port)
    else:
        found = config.postgresql
        found.dbname, found.port = "store", port
    found.host, found.user = host, user
    return config


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_answers_are_those_of_sqlite(
    kind: str,
    request: pytest.FixtureRequest,
    writer: Any,
    writer_of: Callable[[pb.ConnectionConfig], Any],
    root: Path,
) -> None:
    url = request.getfixturevalue(kind)
    for written in (writer, writer_of(connection(url))):
        first = written.run("run-1", span=1, version=11)
        written.run("run-2", span=2, version=12, base_model=first["model"])
        written.execution("Trainer", "run-3", state=pb.Execution.FAILED)

    def answers(store: Store) -> list[Any]:
        found = models.find(store, "12")
        tree = trace_tree.render(trace.trace(store, found)).splitlines()
        history = [(run.name, run.state, run.metrics) for run in runs.runs(store)]
        # The third line tells when.
        return [*tree[:2], *tree[3:], *history]

    assert answers(Store(f"{url}/store")) == answers(Store(str(root)))


def test_an_empty_postgresql_database_stays_empty(postgresql: str) -> None:
    psql = program("psql", "postgresql-client")

    with pytest.raises(LineageError, match="holds no ML Metadata"):
        Store(f"{postgresql}/postgres")

    query = "select count(*) from information_schema.tables where table_schema='public'"
    shown = subprocess.run(
        [psql, "-At", f"{postgresql}/postgres", "-c", query],
        check=True,
        capture_output=True,
        text=True,
    )
    assert shown.stdout.strip() == "0"


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_database_that_is_not_there(
    kind: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(kind)

    with pytest.raises(LineageError, match="nowhere cannot be read"):
        Store(f"{url}/nowhere")
