"""Where a store is: a run's folder, a SQLite file, or the URL of a database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from ondevice_rec.lineage.errors import LineageError

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2

SQLITE_FILE = "metadata.sqlite"
MYSQL = ("mysql",)
POSTGRESQL = ("postgresql", "postgres")
_URL = "mysql://USER:PASSWORD@HOST:PORT/DATABASE or postgresql://..."


def is_url(location: str) -> bool:
    """Whether a location is a database's URL, not a path."""
    return "://" in location


def shown(location: str) -> str:
    """The location without a password."""
    if not is_url(location):
        return location
    url = _split(location)
    host = url.netloc.rsplit("@", 1)[-1]
    user = f"{url.username}@" if url.username else ""
    return f"{url.scheme}://{user}{host}{url.path}"


def read_url(location: str) -> tuple[SplitResult, str]:
    """The parts of a database's URL, and the database.

    Raises:
      LineageError: it is no URL of a database that ML Metadata knows.
    """
    url = _split(location)
    database = unquote(url.path.strip("/"))
    if url.scheme not in (*MYSQL, *POSTGRESQL) or not url.hostname or not database:
        raise LineageError(
            f"A database must be named as {_URL}; received {shown(location)!r}."
        )
    return url, database


def sqlite_path(location: str) -> str:
    """The SQLite file of a run's folder, or the file itself.

    Raises:
      LineageError: there is none.
    """
    if os.path.isdir(location):
        path = os.path.join(location, SQLITE_FILE)
        if not os.path.isfile(path):
            raise LineageError(
                f"{location} must be a run's folder, with a file {SQLITE_FILE}; it has "
                "none. Name the folder given as --root to `ondevice-rec run`, a "
                f"SQLite file, or a database: {_URL}."
            )
        return path
    if not os.path.isfile(location):
        raise LineageError(
            f"{location}: no such folder or file. Name a run's folder, a SQLite file "
            f"of ML Metadata, or a database: {_URL}."
        )
    return location


def parse(location: str) -> metadata_store_pb2.ConnectionConfig:
    """How ML Metadata connects; never makes a file or a database.

    A password that the URL leaves out is taken from `$PGPASSWORD` or `$MYSQL_PWD`.

    Raises:
      LineageError: the location is neither a file that exists nor a known URL.
    """
    from ml_metadata.proto import metadata_store_pb2

    config = metadata_store_pb2.ConnectionConfig()
    # A lock is waited for once, by the database; the client would wait five times.
    config.retry_options.max_num_retries = 1
    if not is_url(location):
        config.sqlite.filename_uri = os.path.abspath(sqlite_path(location))
        config.sqlite.connection_mode = config.sqlite.READONLY
        return config
    url, database = read_url(location)
    if url.scheme in MYSQL:
        _fill_mysql(config.mysql, url, database)
    else:
        _fill_postgresql(config.postgresql, url, database)
    return config


def _fill_mysql(
    config: metadata_store_pb2.MySQLDatabaseConfig, url: SplitResult, database: str
) -> None:
    config.host = url.hostname or ""
    config.port = url.port or 3306
    config.user = unquote(url.username or "")
    config.password = unquote(url.password or "") or os.environ.get("MYSQL_PWD", "")
    config.database = database
    config.skip_db_creation = True


def _fill_postgresql(
    config: metadata_store_pb2.PostgreSQLDatabaseConfig,
    url: SplitResult,
    database: str,
) -> None:
    config.host = url.hostname or ""
    config.port = str(url.port or 5432)
    config.user = unquote(url.username or "")
    config.password = unquote(url.password or "") or os.environ.get("PGPASSWORD", "")
    config.dbname = database
    config.skip_db_creation = True


def _split(location: str) -> SplitResult:
    url = urlsplit(location)
    try:
        _ = url.port
    except ValueError as error:
        raise LineageError(
            f"A database must be named as {_URL}; received a URL whose port is no "
            f"number: {error}."
        ) from None
    return url
