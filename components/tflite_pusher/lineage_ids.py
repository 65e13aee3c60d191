"""Where a version came from, for its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfx import types
from tfx.dsl.components.base.base_executor import BaseExecutor

from ondevice_rec.schemas import facts


def lineage(
    context: BaseExecutor.Context | None,
    model: types.Artifact,
    examples: Sequence[types.Artifact],
    evaluation: types.Artifact | None,
) -> dict[str, Any]:
    """Ids in ML Metadata of the run and of the artifacts; None where unknown.

    Args:
      context: The executor's; None outside a pipeline.
      model: The pushed model.
      examples: The timelines it was verified on.
      evaluation: Its evaluation, if there is one.
    """
    info = context.pipeline_info if context else None
    # TFX tells an executor its execution's id by this name only.
    execution_id = context._unique_id if context else None
    return {
        "pipeline_name": info.id if info else None,
        "pipeline_run_id": context.pipeline_run_id if context else None,
        "execution_id": _number(execution_id) if execution_id else None,
        "model": _artifact(model),
        "evaluation": _artifact(evaluation) if evaluation else None,
        "examples": [
            _artifact(artifact)
            | {
                name: _property(artifact, name)
                for name in (facts.SPAN, facts.VERSION, facts.INPUT_FINGERPRINT)
            }
            for artifact in examples
        ],
    }


def _number(name: str) -> int | str:
    """ML Metadata's number; Kubeflow may have names in its place."""
    return int(name) if name.isdecimal() else name


def _artifact(artifact: types.Artifact) -> dict[str, Any]:
    name = artifact.get_string_custom_property(facts.STORE_NAME)
    return {
        # Artifacts that no store knows have id 0.
        "id": _number(name) if name else artifact.id or None,
        "uri": artifact.get_string_custom_property(facts.STORE_URI) or artifact.uri,
    }


def _property(artifact: types.Artifact, name: str) -> str | int | None:
    """A custom property, whatever its type: TFX writes spans as text.

    Kubeflow hands all on as JSON, whose numbers are floats.
    """
    value = artifact.mlmd_artifact.custom_properties.get(name)
    if value is None:
        return None
    kind = value.WhichOneof("value")
    if kind == "struct_value":
        found = artifact.get_json_value_custom_property(name)
        return int(found) if isinstance(found, float) else str(found)
    return int(value.int_value) if kind == "int_value" else str(value.string_value)
