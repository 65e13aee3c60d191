"""Does the driver's work where an orchestrator runs no drivers."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.components.example_gen import driver as tfx_driver
from tfx.components.example_gen import utils
from tfx.orchestration import data_types

from ondevice_rec.components.activity_example_gen import driver


def is_resolved(exec_properties: dict[str, Any]) -> bool:
    """Whether a driver has found out which files are to be read."""
    return utils.FINGERPRINT_PROPERTY_NAME in exec_properties


def resolve(
    exec_properties: dict[str, Any], examples: types.Artifact
) -> dict[str, Any]:
    """Finds span, version and fingerprint, and notes them on the examples.

    Args:
      exec_properties: The component's parameters; changed.
      examples: The artifact to be written; gets the driver's custom properties.

    Returns:
      The parameters, with those that the driver adds.

    Raises:
      IngestionError: The log's or the catalogue's path matches nothing.
    """
    # Neither the store of metadata nor who asks plays a part in it.
    info = data_types.PipelineInfo("", "")
    resolved = driver.Driver(None).resolve_exec_properties(
        exec_properties, info, data_types.ComponentInfo("", "", info)
    )
    tfx_driver.update_output_artifact(resolved, examples.mlmd_artifact)
    return resolved
