"""A graph as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html)."""

from __future__ import annotations

from ondevice_rec.lineage.graph import Graph


def render(graph: Graph) -> str:
    """Artifacts as boxes, executions as rounded boxes, arrows from cause to result."""
    lines = ["flowchart LR"]
    for artifact in sorted(graph.artifacts.values(), key=lambda node: node.id):
        lines.append(f'  a{artifact.id}["{_text(artifact.type)} {artifact.id}"]')
    for execution in sorted(graph.executions.values(), key=lambda node: node.id):
        lines.append(f'  e{execution.id}(["{_text(execution.type)} {execution.id}"])')
    for edge in graph.edges:
        artifact_id, execution_id = f"a{edge.artifact}", f"e{edge.execution}"
        ends = (
            (execution_id, artifact_id) if edge.output else (artifact_id, execution_id)
        )
        lines.append("  " + " --> ".join(ends))
    return "\n".join(lines)


def _text(label: str) -> str:
    return label.replace('"', "#quot;")
