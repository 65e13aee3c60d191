"""The same answers from PostgreSQL and MySQL, by servers that the tests start."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import servers
from ml_metadata.proto import metadata_store_pb2 as pb

from ondevice_rec.lineage import models, runs, trace
from ondevice_rec.lineage.errors import LineageError
from ondevice_rec.lineage.render import trace_tree
from ondevice_rec.lineage.store import Store

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with servers.account_folder() as found:
        yield found


@pytest.fixture(scope="module")
def postgresql(folder: Path) -> Iterator[str]:
    """URL of a PostgreSQL server, without a database."""
    with servers.postgresql(folder) as url:
        yield url


@pytest.fixture(scope="module")
def mysql(folder: Path) -> Iterator[str]:
    """URL of a MariaDB server, without a database."""
    with servers.mysql(folder) as url:
        yield url


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
    psql = servers.program("psql", "postgresql-client")

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
