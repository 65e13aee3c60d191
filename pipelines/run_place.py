"""Where a run keeps its history and computes: options of `ondevice-rec run`."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from ondevice_rec.pipelines import engines, metadata_store

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2


@dataclasses.dataclass(frozen=True)
class Place:
    """Where.

    Attributes:
      metadata_url: Database of ML Metadata; None: SQLite in the run's folder.
      beam_args: Arguments of the components' Beam pipelines, complete.
    """

    metadata_url: str | None = None
    beam_args: tuple[str, ...] = engines.LOCAL_BEAM_ARGS

    def connection(self, root: str) -> metadata_store_pb2.ConnectionConfig:
        """How the run connects to its store, password included.

        Args:
          root: The run's folder.
        """
        return metadata_store.with_password(
            metadata_store.connection(root, self.metadata_url)
        )

    def store(self, root: str) -> str:
        """The store as `lineage` takes it."""
        return self.metadata_url or root


HERE = Place()


def add_options(parser: argparse._ActionsContainer) -> None:
    """Adds the options."""
    parser.add_argument(
        "--metadata",
        metavar="URL",
        help="store of ML Metadata, which several machines may share: "
        "mysql://USER@HOST:PORT/DATABASE or postgresql://...; its password is read "
        "from $MYSQL_PWD or $PGPASSWORD (default: SQLite in --root)",
    )
    parser.add_argument(
        "--beam-arg",
        metavar="--NAME=VALUE",
        action="append",
        default=[],
        help="argument of the components' Beam pipelines; may be given several times. "
        "--beam-arg=--runner=FlinkRunner has the data prepared and models evaluated "
        "on Flink, see docs/scaling.md (default: in this process)",
    )


def place_of(arguments: argparse.Namespace) -> Place:
    """What the options ask for.

    Raises:
      UserError: an engine is known to lose data, or the store's URL is none.
    """
    if arguments.metadata:
        metadata_store.check_url(arguments.metadata)
    return Place(arguments.metadata, engines.beam_args(arguments.beam_arg))
