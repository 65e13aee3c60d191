"""Checks what the component was given, before anything runs."""

from __future__ import annotations

from ondevice_rec.schemas import ingestion_check
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2


def validate(
    log: config_pb2.ActivityLog,
    catalogue: config_pb2.Catalogue | None,
    filters: config_pb2.Filters,
    split: config_pb2.Split,
    context_length: int,
    max_segment_length: int,
) -> None:
    """Checks the parameters of the component, alone and together.

    Raises:
      ValueError: They are impossible; the message names the field and the remedy.
    """
    ingestion_check.validate(log, catalogue, filters, split)
    if context_length < 1:
        raise ValueError(
            f"`context_length` must be >= 1, received {context_length}. It is the "
            "largest `feature_length` of the input spec."
        )
    if max_segment_length <= context_length:
        raise ValueError(
            f"`max_segment_length` must be greater than `context_length` "
            f"{context_length}, received {max_segment_length}."
        )
