"""Stores that cannot be read are told in words, and never changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.lineage import connection
from ondevice_rec.lineage.errors import LineageError
from ondevice_rec.lineage.store import Store
from ondevice_rec.pipelines import cli


def sql(path: Path, statement: str) -> None:
    """In another process: one must not open a file with two SQLite libraries."""
    program = (
        "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); "
        "d.execute(sys.argv[2]); d.commit()"
    )
    subprocess.run([sys.executable, "-c", program, str(path), statement], check=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds SQLite's exclusive lock from another process."""
    program = (
        "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); "
        "d.execute('begin exclusive'); print('locked', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        yield
    finally:
        holder.communicate()


def asked(capsys: Any, *arguments: str) -> str:
    """What is said of a question that cannot be answered."""
    code = cli.main(["lineage", *arguments])
    shown = capsys.readouterr()
    assert code == 2
    assert shown.out == ""
    assert "Traceback" not in shown.err
    return str(shown.err)


@pytest.fixture
def copied(writer: Any, root: Path, tmp_path: Path) -> Path:
    """A store of its own, to be spoilt."""
    writer.run("run-1", span=1, version=11)
    return Path(shutil.copy(root / "metadata.sqlite", tmp_path / "copy.sqlite"))


def test_a_place_without_a_store(capsys: Any, tmp_path: Path) -> None:
    assert "no such folder or file" in asked(capsys, "trace", str(tmp_path / "none"))
    said = asked(capsys, "runs", str(tmp_path))
    assert "with a file metadata.sqlite; it has none" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no database at all " * 100])
def test_a_file_that_is_no_store(capsys: Any, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.sqlite"
    path.write_bytes(content)

    said = asked(capsys, "trace", str(path))

    assert re.search("holds no ML Metadata|is no SQLite database", said)
    assert path.read_bytes() == content


def test_another_program_s_database(capsys: Any, tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    sql(path, "create table t (x)")
    before = path.read_bytes()

    assert "holds no ML Metadata" in asked(capsys, "trace", str(path))
    assert path.read_bytes() == before


def test_an_older_schema_is_not_migrated(capsys: Any, copied: Path) -> None:
    sql(copied, "update MLMDEnv set schema_version = 9")
    before = copied.read_bytes()

    assert "older release of ML Metadata" in asked(capsys, "trace", str(copied))
    assert copied.read_bytes() == before


def test_a_newer_schema(capsys: Any, copied: Path) -> None:
    sql(copied, "update MLMDEnv set schema_version = 99")

    assert "newer release of ML Metadata" in asked(capsys, "trace", str(copied))


@pytest.mark.integration
def test_a_store_that_is_locked_for_long(capsys: Any, copied: Path) -> None:
    with locked(copied):
        assert "is locked by another program" in asked(capsys, "trace", str(copied))


@pytest.mark.skipif(os.getuid() == 0, reason="root may read every file")
def test_a_store_that_may_not_be_read(capsys: Any, copied: Path) -> None:
    copied.chmod(0)

    assert "permissions" in asked(capsys, "trace", str(copied))


def test_every_question_leaves_the_store_as_it_was(capsys: Any, copied: Path) -> None:
    copied.chmod(0o444)
    before = hashlib.sha256(copied.read_bytes()).hexdigest()
    for question in (
        ("trace", str(copied)),
        ("diff", str(copied), "11", "11"),
        ("impact", str(copied), "--span", "1"),
        ("runs", str(copied)),
    ):
        assert cli.main(["lineage", *question]) == 0
    # None of the artifacts was ever on disk.
    assert cli.main(["lineage", "verify", str(copied)]) == 1

    assert hashlib.sha256(copied.read_bytes()).hexdigest() == before
    assert [path.name for path in copied.parent.glob("copy*")] == ["copy.sqlite"]


def test_what_a_store_does_not_know(capsys: Any, copied: Path) -> None:
    path = str(copied)
    assert "latest spans are: 1." in asked(capsys, "impact", path, "--span", "7")
    assert "no execution 99" in asked(capsys, "impact", path, "--execution", "99")
    assert "latest first: 11." in asked(capsys, "diff", path, "11", "12")
    assert "must be >= 0, received -1" in asked(capsys, "runs", path, "--limit", "-1")


def test_artifacts_that_are_gone_are_marked(capsys: Any, copied: Path) -> None:
    assert cli.main(["lineage", "trace", str(copied)]) == 0

    shown = capsys.readouterr().out
    assert "PushedModel 8 by Pusher 6 (its files are not on this machine)" in shown


def test_a_stock_pipeline_s_model_can_be_traced(
    capsys: Any, writer: Any, root: Path
) -> None:
    model = writer.artifact("Model")
    evaluation = writer.artifact("ModelEvaluation", slice_metrics="no JSON of ours")
    writer.execution("Trainer", outputs={"model": [model], "evaluation": [evaluation]})
    pushed = writer.artifact("PushedModel", pushed=1, pushed_version="5")
    inputs = {"model": [model], "evaluation": [evaluation]}
    writer.execution("Pusher", inputs=inputs, outputs={"pushed": [pushed]})

    for format_ in ("tree", "table", "json", "mermaid", "dot", "openlineage"):
        assert cli.main(["lineage", "trace", str(root), "--format", format_]) == 0
    shown = capsys.readouterr().out
    assert "code not recorded" in shown
    assert "metrics not recorded" in shown


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("oracle://h/d", "mysql://USER:PASSWORD@HOST:PORT/DATABASE or postgresql"),
        ("mysql://h", "mysql://USER"),
        ("postgresql://h:port/d", "whose port is no number"),
    ],
)
def test_urls_that_name_no_database(url: str, words: str) -> None:
    with pytest.raises(LineageError, match=words):
        connection.parse(url)


def test_a_password_is_never_shown() -> None:
    url = "postgresql://ann:secret@127.0.0.1:1/store"
    assert connection.shown(url) == "postgresql://ann@127.0.0.1:1/store"

    with pytest.raises(LineageError) as raised:
        Store(url)

    assert "secret" not in str(raised.value)
    assert "postgresql://ann@127.0.0.1:1/store cannot be read" in str(raised.value)


def test_urls() -> None:
    mysql = connection.parse("mysql://ann:p%40ss@db/store").mysql
    assert (mysql.host, mysql.port, mysql.user) == ("db", 3306, "ann")
    assert (mysql.password, mysql.database) == ("p@ss", "store")
    assert mysql.skip_db_creation
    postgresql = connection.parse("postgresql://ann@db:6000/store").postgresql
    assert (postgresql.host, postgresql.port) == ("db", "6000")
    assert postgresql.skip_db_creation
