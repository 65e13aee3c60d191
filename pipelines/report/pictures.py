"""Graphs as boxes and lines that the page draws."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ondevice_rec.lineage import tfx_names
from ondevice_rec.lineage.graph import ArtifactNode, Graph
from ondevice_rec.pipelines.report import layers, wording
from ondevice_rec.pipelines.report.layers import Layout, Sizes
from ondevice_rec.pipelines.report.run_record import RunRecord
from ondevice_rec.schemas import facts

_PIPELINE = Sizes(along=122, across=66, gap_along=34, gap_across=16)
_LINEAGE = Sizes(along=44, across=176, gap_along=26, gap_across=14)
# Characters that fit into a box of the pipeline's.
_LINE = 16


@dataclass(frozen=True)
class Box:
    """A node.

    Attributes:
      x: Its upper left corner, pixels.
      y: The same.
      lines: What stands in it; the last one is the small print.
      kind: What it is, as CSS classes.
      title: More about it.
    """

    x: float
    y: float
    lines: Sequence[str]
    kind: str
    title: str


@dataclass(frozen=True)
class Picture:
    """A graph.

    Attributes:
      boxes: Its nodes.
      paths: Its edges, as SVG path data.
      width: Of everything, pixels.
      height: The same.
      box_width: Of a node.
      box_height: The same.
    """

    boxes: Sequence[Box]
    paths: Sequence[str]
    width: float
    height: float
    box_width: float
    box_height: float


def pipeline(record: RunRecord) -> tuple[Picture, list[str]]:
    """Components with their times; what came from the cache is marked.

    Edges that longer ways imply are left out.

    Returns:
      The graph, and the components that are not in it: none of their inputs and
      outputs are another one's.
    """
    wrote = {a.id: node.name for node in record.nodes for a in node.outputs}
    edges = {
        (wrote[artifact], node.name)
        for node in record.nodes
        for artifact in node.inputs
        if artifact in wrote and wrote[artifact] != node.name
    }
    joined = {name for edge in edges for name in edge}
    drawn = [n for n in record.nodes if n.name in joined or not joined]
    names = [node.name for node in drawn]
    layout = layers.lay_out(names, layers.reduced(sorted(edges)), _PIPELINE, False)
    boxes = []
    for node in drawn:
        said = {"cached": "from the cache", "complete": wording.seconds(node.seconds)}
        small = said.get(node.state, node.state)
        boxes.append(
            Box(
                *layout.corners[node.name],
                [*_split(node.name), small],
                node.state,
                f"{node.name}: {node.state}, execution {node.execution.id}",
            )
        )
    return _picture(layout, boxes), [
        node.name for node in record.nodes if node not in drawn
    ]


def lineage(graph: Graph, nodes: dict[int, str], absent: Sequence[int]) -> Picture:
    """Artifacts and the executions between them.

    Args:
      graph: The graph.
      nodes: Execution -> name of its component.
      absent: Artifacts whose files are not on this machine.
    """
    gone = frozenset(absent)
    edges = {
        (f"e{event.execution}", f"a{event.artifact}")
        if event.output
        else (f"a{event.artifact}", f"e{event.execution}")
        for event in graph.edges
    }
    names = [f"a{i}" for i in sorted(graph.artifacts)]
    names += [f"e{i}" for i in sorted(graph.executions)]
    layout = layers.lay_out(names, sorted(edges), _LINEAGE, True)
    boxes = []
    for execution in graph.executions.values():
        boxes.append(
            Box(
                *layout.corners[f"e{execution.id}"],
                [
                    nodes.get(execution.id, execution.type),
                    f"execution {execution.id}, "
                    f"{wording.seconds((execution.ended - execution.started) / 1000)}",
                ],
                f"execution {execution.state}",
                f"{wording.moment(execution.started)}: {execution.state}",
            )
        )
    for artifact in graph.artifacts.values():
        said = ", files gone" if artifact.id in gone else _told(artifact)
        boxes.append(
            Box(
                *layout.corners[f"a{artifact.id}"],
                [artifact.type, f"artifact {artifact.id}{said}"],
                "artifact absent" if artifact.id in gone else "artifact",
                artifact.uri,
            )
        )
    return _picture(layout, boxes)


def _picture(layout: Layout, boxes: Sequence[Box]) -> Picture:
    return Picture(
        boxes,
        list(layout.paths.values()),
        layout.width,
        layout.height,
        *layout.box,
    )


def _told(artifact: ArtifactNode) -> str:
    """What tells artifacts of a type apart."""
    if artifact.type == tfx_names.PUSHED_MODEL:
        return f", {artifact.text(facts.PUSHED_VERSION) or 'not pushed'}"
    span = artifact.number(facts.SPAN)
    if artifact.type == tfx_names.EXAMPLES and span is not None:
        return f", span {span}"
    digest = artifact.text(facts.CONTENT_SHA256)
    return f", {digest[:8]}" if digest else ""


def _split(name: str) -> list[str]:
    """A component's name on at most two lines, broken before a capital letter."""
    if len(name) <= _LINE:
        return [name]
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[^A-Z]+", name)
    breaks = range(1, len(words))
    cuts = [("".join(words[:i]), "".join(words[i:])) for i in breaks]
    if not cuts:
        return [name[:_LINE]]
    first, second = min(cuts, key=lambda cut: max(map(len, cut)))
    return [first[:_LINE], second[:_LINE]]
