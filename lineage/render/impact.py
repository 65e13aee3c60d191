"""What was made from some data, as text."""

from __future__ import annotations

from collections import Counter

from ondevice_rec.lineage import wording
from ondevice_rec.lineage.impact import Impact


def render(found: Impact) -> str:
    """Pushed versions first, then every artifact by execution."""
    graph = found.graph
    counts = Counter(artifact.type for artifact in graph.artifacts.values())
    summary = ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items()))
    lines = [
        f"{len(graph.executions)} executions wrote {summary or 'nothing'}.",
        "",
        "pushed versions",
    ]
    if found.versions:
        rows = [(v.version, v.state, v.destination) for v in found.versions]
        table = wording.text_table(("version", "state", "folder"), rows)
        lines += [f"  {line}" for line in table.splitlines()]
    else:
        lines.append("  none")
    lines += ["", "artifacts"]
    written = {e.artifact: e.execution for e in graph.edges if e.output}
    for artifact, execution in sorted(written.items()):
        node = graph.artifacts[artifact]
        maker = graph.executions[execution]
        lines.append(
            f"  {node.type} {artifact} by {maker.type} {execution}: {node.uri}"
        )
    for reader in sorted(graph.executions.values(), key=lambda each: each.id):
        if reader.state != "complete":
            lines.append(f"  {reader.type} {reader.id} read some: {reader.state}")
    return "\n".join(lines)
