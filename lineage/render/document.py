"""Lineage as JSON; `docs/lineage.md` describes it.

Fields are only ever added; `format_version` changes when one is renamed or removed.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from typing import Any

from ondevice_rec.lineage.graph import Graph
from ondevice_rec.lineage.trace import Trace

FORMAT_VERSION = 1


def render(kind: str, content: dict[str, Any]) -> str:
    """A document as text.

    Args:
      kind: What it is: "trace", "diff", "impact", "runs" or "verify".
      content: Its fields.
    """
    document = {"format_version": FORMAT_VERSION, "kind": kind, **content}
    return json.dumps(_finite(document), indent=2, ensure_ascii=False, allow_nan=False)


def _finite(found: Any) -> Any:
    """With null for what is no number, which JSON has no word for."""
    if isinstance(found, float):
        return found if math.isfinite(found) else None
    if isinstance(found, dict):
        return {name: _finite(value) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [_finite(value) for value in found]
    return found


def trace_content(trace: Trace) -> dict[str, Any]:
    """Fields of a trace's document."""
    content = records([dataclasses.replace(trace, graph=Graph())])[0]
    content["graph"] = graph_content(trace.graph)
    return content


def graph_content(graph: Graph) -> dict[str, Any]:
    """Artifacts and executions by id, and the edges between them."""
    return {
        "artifacts": records(
            sorted(graph.artifacts.values(), key=lambda node: node.id)
        ),
        "executions": records(
            sorted(graph.executions.values(), key=lambda node: node.id)
        ),
        "edges": records(list(graph.edges)),
    }


def records(found: Sequence[Any]) -> list[dict[str, Any]]:
    """Dataclasses as plain values."""
    return [dataclasses.asdict(each) for each in found]
