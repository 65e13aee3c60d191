"""What a store of ML Metadata cannot keep."""

from __future__ import annotations

from collections.abc import Iterable

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.base.base_node import BaseNode

from ondevice_rec.schemas.errors import UserError


def check(
    nodes: Iterable[BaseNode], config: metadata_store_pb2.ConnectionConfig
) -> None:
    """Checks that the parameters of all nodes can be written, before any runs.

    ML Metadata 1.16 escapes a property for PostgreSQL in a way that fails on a
    backslash. In JSON, a tab, a quote and a backslash itself have one.

    Args:
      nodes: Of the pipeline.
      config: The store.

    Raises:
      UserError: a parameter cannot be written; it says which.
    """
    if config.WhichOneof("config") != "postgresql":
        return
    for node in nodes:
        for name, value in node.exec_properties.items():
            if isinstance(value, str) and "\\" in value:
                at = value.index("\\")
                raise UserError(
                    f"`{name}` of {node.id} has a backslash in its JSON, at "
                    f"{value[max(0, at - 25) : at + 2]!r}: a tab, a quote or a "
                    "backslash, which ML Metadata cannot write to PostgreSQL. Leave "
                    "it out (as a delimiter: write the log with commas), or keep the "
                    "history in MySQL or SQLite."
                )
