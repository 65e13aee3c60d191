"""A compiled pipeline as a file: TFX's IR as JSON, read without TFX."""

from __future__ import annotations

import json
from typing import Any

from ondevice_rec.schemas.errors import UserError


def read(path: str) -> dict[str, Any]:
    """Reads the IR.

    Args:
      path: The file that `ondevice-rec compile --target airflow` wrote.

    Returns:
      TFX's `Pipeline` message as protobuf's JSON.

    Raises:
      UserError: It is not there, or is no such file.
    """
    remedy = "`ondevice-rec compile CONFIG.yaml --target airflow` writes one."
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file. {remedy}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}. {remedy}") from error
    if not isinstance(found, dict) or not found.get("pipelineInfo"):
        raise UserError(f"{path} is no compiled pipeline. {remedy}")
    return found


def upstream(pipeline: dict[str, Any]) -> dict[str, list[str]]:
    """Node id -> ids of the nodes that must have ended before it, in order."""
    nodes = [node["pipelineNode"] for node in pipeline["nodes"]]
    return {
        node["nodeInfo"]["id"]: list(node.get("upstreamNodes", ())) for node in nodes
    }


def pipeline_root(pipeline: dict[str, Any]) -> str:
    """Folder of the artifacts."""
    root = pipeline["runtimeSpec"]["pipelineRoot"]
    # TFX leaves it open, with a default.
    value = root.get("fieldValue") or root["runtimeParameter"]["defaultValue"]
    return str(value["stringValue"])
