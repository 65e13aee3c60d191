"""What executions were called with, as flat names and values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ondevice_rec.lineage.graph import Value


def flatten(properties: Mapping[str, Value]) -> dict[str, Value]:
    """Execution properties with the JSON in them taken apart.

    TFX hands protos and dicts over as JSON text, at times inside other JSON.

    Args:
      properties: By name.

    Returns:
      Values by path: {"training": '{"epochs": "8"}'} gives {"training.epochs": "8"}.
      Lists of plain values stay together, as JSON; nulls and empty texts are left out.
    """
    found: dict[str, Value] = {}
    for name, value in properties.items():
        _add(found, name, value)
    return found


def json_object(properties: Mapping[str, Value], name: str) -> dict[str, Any]:
    """A property that holds a JSON object; empty where it holds something else."""
    try:
        found = json.loads(str(properties.get(name) or "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _add(found: dict[str, Value], path: str, value: Any) -> None:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError:
            # Text that only begins as JSON does.
            found[path] = value
            return
    if isinstance(value, dict):
        for key, inner in value.items():
            _add(found, f"{path}.{key}", inner)
    elif isinstance(value, list) and any(isinstance(v, dict | list) for v in value):
        for number, inner in enumerate(value):
            _add(found, f"{path}.{number}", inner)
    elif isinstance(value, list):
        if value:
            found[path] = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, bool):
        found[path] = json.dumps(value)
    elif value is not None and value != "":
        found[path] = value
