"""Checks that a configuration's log and catalogue are there and fit it.

Standard library only: the command line calls it before it loads TensorFlow.
"""

from __future__ import annotations

from typing import BinaryIO

from ondevice_rec.schemas import log_files, log_spans
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2
from ondevice_rec.schemas.errors import UserError


def check(config: config_pb2.PipelineConfig, span: int | None = None) -> None:
    """Checks the files, of the spans that are going to be read, and the catalogue.

    For local paths; those with a scheme (gs://) are left to the pipeline.

    Args:
      config: The configuration.
      span: The last span to read; None: the latest there is.

    Raises:
      UserError: A span is asked for where there are none.
      IngestionError: A path matches nothing, a file is empty or lacks a column.
    """
    log, catalogue = config.log, config.catalogue
    if span is not None and not log_spans.has_spans(log.path):
        raise UserError(
            f"A span ({span}) was asked for, and `log.path` {log.path} has none. Put "
            "{SPAN}, or {YYYY}, {MM} and {DD}, into it, or ask for no span."
        )
    if "://" not in log.path:
        needed = log_files.log_columns(log, config.filters)
        if log_spans.has_spans(log.path):
            found = log_spans.find(log.path, log.window)
            most = width(log)
            chosen = log_spans.choose(log.path, found, None, span, most)
            log_spans.usable(log, needed, chosen, log_files.list_files, open_binary)
        else:
            for path in log_files.list_files(log.path):
                log_files.check_file(path, log, needed, open_binary)
    if config.HasField("catalogue") and "://" not in catalogue.path:
        needed = log_files.catalogue_columns(catalogue)
        for path in log_files.list_files(catalogue.path):
            log_files.check_file(path, catalogue, needed, open_binary)


def width(log: config_pb2.ActivityLog) -> int:
    """How many spans a run reads; 0: all."""
    if not log.HasField("window"):
        return 1
    return int(log.window.spans)


def open_binary(path: str) -> BinaryIO:
    """Opens a local file for reading."""
    return open(path, "rb")
