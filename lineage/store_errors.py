"""What ML Metadata's errors mean to whoever asked."""

from __future__ import annotations

from ondevice_rec.lineage.errors import LineageError

# Part of the library's message -> what to say. The first that fits is taken.
_MEANINGS = (
    (
        "older than library version",
        "was written by an older release of ML Metadata than the one installed, which "
        "would have to migrate it. Reading never migrates: copy the store and migrate "
        "the copy (MetadataStore(config, enable_upgrade_migration=True)), or use the "
        "release that wrote it",
    ),
    (
        "greater than library version",
        "was written by a newer release of ML Metadata than the one installed. Use "
        "the release that wrote it",
    ),
    (
        "Concurrent writes aborted",
        "is locked by another program. Wait until it has finished writing, then ask "
        "again",
    ),
    (
        "database is locked",
        "is locked by another program. Wait until it has finished writing, then ask "
        "again",
    ),
    (
        "file is not a database",
        "is no SQLite database. Name the metadata.sqlite of a run",
    ),
    (
        "CREATE TABLE",
        "holds no ML Metadata: it is empty or another program's. Name a store that a "
        "pipeline has written",
    ),
    (
        "unable to open database file",
        "cannot be opened. Look at the permissions of the file and its folder",
    ),
)


def explain(name: str, error: Exception) -> LineageError:
    """The error in words.

    Args:
      name: The store, as the user named it.
      error: ML Metadata's.
    """
    message = str(error)
    for part, meaning in _MEANINGS:
        if part in message:
            return LineageError(
                f"{name} {meaning}. ML Metadata says: {_short(message)}"
            )
    return LineageError(
        f"{name} cannot be read. Look whether it is there and may be read by you. "
        f"ML Metadata says: {_short(message)}"
    )


def _short(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= 200 else line[:197] + "..."
