"""Database servers that tests start, on loopback only, and stop."""

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
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

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


@contextlib.contextmanager
def account_folder() -> Iterator[Path]:
    """A folder of the account's own; pytest's are for the tests' user alone."""
    with tempfile.TemporaryDirectory() as name:
        shutil.chown(name, account())
        yield Path(name)


def run(*command: str) -> None:
    done = subprocess.run(
        command, user=account(), cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _answers(port: int, ready: Sequence[str]) -> bool:
    if ready:
        asked = subprocess.run(ready, stdout=subprocess.DEVNULL, check=False)
        return asked.returncode == 0
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port), timeout=1),
    ):
        return True
    return False


@contextlib.contextmanager
def server(port: int, *command: str, ready: Sequence[str] = ()) -> Iterator[None]:
    """Runs a server until the test is done.

    Args:
      port: Where it will answer.
      *command: What runs it.
      ready: A command that ends well once it takes clients; none: once it listens.
    """
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
            if _answers(port, ready):
                break
            time.sleep(0.1)
        yield
    finally:
        # PostgreSQL would wait for its clients to leave.
        process.send_signal(signal.SIGQUIT)
        process.wait()


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """URL of a PostgreSQL server, without a database."""
    data, port = folder / "postgresql", free_port()
    initdb = program("initdb", "postgresql")
    run(initdb, "-D", str(data), "-A", "trust", "-U", "ann", "--no-sync")
    options = ("-h", "127.0.0.1", "-p", str(port), "-k", str(folder))
    # It listens before it lets anybody in.
    ready = [program("pg_isready", "postgresql-client"), "-h", "127.0.0.1", "-q"]
    command = (program("postgres", "postgresql"), "-D", str(data), *options)
    with server(port, *command, ready=[*ready, "-p", str(port)]):
        yield f"postgresql://ann@127.0.0.1:{port}"


@contextlib.contextmanager
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
