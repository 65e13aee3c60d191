"""The store of ML Metadata that a pipeline writes to."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ondevice_rec.lineage import connection as lineage_connection
from ondevice_rec.lineage.errors import LineageError
from ondevice_rec.schemas.errors import UserError

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2

# What ML Metadata says where another program makes the store's tables.
_BEING_MADE = (
    "concurrent connection to the empty database",
    "duplicate key value",
    "already exists",
    "Duplicate entry",
    "database exists",
    "database is locked",
)
_WAITS = (0.5, 1, 2, 4, 8, 8, 8)
_PASSWORDS = {"postgresql": "PGPASSWORD", "mysql": "MYSQL_PWD"}


def connection(root: str, url: str | None) -> metadata_store_pb2.ConnectionConfig:
    """How the pipeline connects to its store.

    Args:
      root: The run's folder.
      url: The database's, as `check_url` lets it pass; None: SQLite, in `root`.
    """
    from ml_metadata.proto import metadata_store_pb2

    if url is None:
        config = metadata_store_pb2.ConnectionConfig()
        config.sqlite.filename_uri = os.path.join(root, lineage_connection.SQLITE_FILE)
        config.sqlite.connection_mode = config.sqlite.READWRITE_OPENCREATE
        return config
    config = lineage_connection.parse(url)
    # What a reader must not do, and how long it waits.
    config.ClearField("retry_options")
    database = getattr(config, str(config.WhichOneof("config")))
    database.skip_db_creation = False
    database.password = ""
    return config


def check_url(url: str) -> None:
    """Checks the URL of a database, which will stand in a file.

    Raises:
      UserError: it is none, or has a password.
    """
    try:
        parts, _ = lineage_connection.read_url(url)
    except LineageError as error:
        raise UserError(f"--metadata: {error} Leave it out for SQLite.") from None
    if parts.password:
        raise UserError(
            f"--metadata {lineage_connection.shown(url)} has a password, which would "
            "be written to a file. Leave it out of the URL, and set $PGPASSWORD or "
            "$MYSQL_PWD where the nodes run."
        )


def with_password(
    config: metadata_store_pb2.ConnectionConfig,
) -> metadata_store_pb2.ConnectionConfig:
    """The connection with the password from `$PGPASSWORD` or `$MYSQL_PWD`."""
    kind = str(config.WhichOneof("config"))
    if kind in _PASSWORDS:
        database = getattr(config, kind)
        database.password = database.password or os.environ.get(_PASSWORDS[kind], "")
    return config


def shown(config: metadata_store_pb2.ConnectionConfig) -> str:
    """The store in words, without a password."""
    kind = str(config.WhichOneof("config"))
    if kind == "sqlite":
        return str(config.sqlite.filename_uri)
    found = getattr(config, kind)
    name = found.database if kind == "mysql" else found.dbname
    return f"{kind}://{found.user}@{found.host}:{found.port}/{name}"


def require_reachable(config: metadata_store_pb2.ConnectionConfig) -> None:
    """Connects, and makes the store where there is none.

    Raises:
      UserError: it cannot be reached or written.
    """
    import ml_metadata as mlmd
    from ml_metadata import errors

    try:
        _connect(mlmd.MetadataStore, config)
    except (RuntimeError, errors.StatusError) as error:
        message = " ".join(str(error).split())
        raise UserError(
            f"The metadata store {shown(config)} cannot be opened: {message[:300]} "
            "Start it, or give this user the right to write there, and try again: "
            "nodes that have ended are not run again."
        ) from error


def _connect(
    connect: Callable[[metadata_store_pb2.ConnectionConfig], object],
    config: metadata_store_pb2.ConnectionConfig,
) -> None:
    """Connects, and tries again while others make the tables of an empty database."""
    for waited in _WAITS:
        try:
            connect(config)
            return
        except RuntimeError as error:
            if not any(part in str(error) for part in _BEING_MADE):
                raise
        time.sleep(waited)
    connect(config)
