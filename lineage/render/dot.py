"""A graph in Graphviz's language (https://graphviz.org/doc/info/lang.html)."""

from __future__ import annotations

from ondevice_rec.lineage.graph import Graph


def render(graph: Graph) -> str:
    """Artifacts as boxes, executions as ellipses, arrows from cause to result."""
    lines = ["digraph lineage {", "  rankdir=LR;"]
    for artifact in sorted(graph.artifacts.values(), key=lambda node: node.id):
        label = _quoted(f"{artifact.type} {artifact.id}")
        lines.append(f"  a{artifact.id} [shape=box, label={label}];")
    for execution in sorted(graph.executions.values(), key=lambda node: node.id):
        label = _quoted(f"{execution.type} {execution.id}")
        lines.append(f"  e{execution.id} [shape=ellipse, label={label}];")
    for edge in graph.edges:
        artifact_id, execution_id = f"a{edge.artifact}", f"e{edge.execution}"
        ends = (
            (execution_id, artifact_id) if edge.output else (artifact_id, execution_id)
        )
        lines.append(f"  {' -> '.join(ends)} [label={_quoted(edge.key)}];")
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
