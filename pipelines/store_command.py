"""What commands do before they read a store."""

from __future__ import annotations

import importlib.util
import logging
import os

from ondevice_rec.lineage import connection
from ondevice_rec.lineage.errors import LineageError


def prepare(root: str, command: str) -> None:
    """Makes sure that a store can be read, before anything heavy is loaded.

    Args:
      root: Where the store is.
      command: Who asks.

    Raises:
      LineageError: it is not there, or ML Metadata is not installed.
    """
    if not connection.is_url(root):
        connection.sqlite_path(root)
    if importlib.util.find_spec("ml_metadata") is None:
        raise LineageError(
            f"`{command}` needs ML Metadata, which is not installed. "
            'Install it: pip install "ondevice-rec[pipeline]".'
        )
    # Read when the library is loaded, which else tells of every connection.
    os.environ.setdefault("GLOG_minloglevel", "3")
    logging.getLogger("absl").setLevel(logging.CRITICAL)
