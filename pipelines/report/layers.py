"""Lays a graph without cycles out in layers, and draws it as SVG.

The steps are Sugiyama's: layers by longest path, waypoints where an edge crosses a
layer, order by the mean place of the neighbours (K. Sugiyama, S. Tagawa, M. Toda:
Methods for Visual Understanding of Hierarchical System Structures, 1981).
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

_SWEEPS = 6
# Weight of the middle of the picture, an edge's being 1.
_PULL = 0.5

Edge = tuple[str, str]
Point = tuple[float, float]


@dataclass(frozen=True)
class Sizes:
    """How large things are drawn, in pixels.

    Attributes:
      along: A box's size in the direction of the edges.
      across: And across it.
      gap_along: Between layers.
      gap_across: Between boxes of a layer.
      waypoint: Room an edge takes that passes a layer.
    """

    along: float
    across: float
    gap_along: float
    gap_across: float
    waypoint: float = 18


@dataclass(frozen=True)
class Layout:
    """Where things are.

    Attributes:
      corners: Node -> its upper left corner.
      paths: Edge -> SVG path data.
      width: Of everything, in pixels.
      height: Of everything.
      box: Width and height of a box.
    """

    corners: Mapping[str, Point]
    paths: Mapping[Edge, str]
    width: float
    height: float
    box: Point


def reduced(edges: Collection[Edge]) -> list[Edge]:
    """The edges that no longer way implies."""
    following = _following(edges)
    found = []
    for edge in dict.fromkeys(edges):
        start, end = edge
        waiting = [n for n in following.get(start, ()) if n != end]
        reached = set(waiting)
        while waiting:
            for after in following.get(waiting.pop(), ()):
                if after not in reached:
                    reached.add(after)
                    waiting.append(after)
        if end not in reached:
            found.append(edge)
    return found


def lay_out(
    nodes: Sequence[str], edges: Collection[Edge], sizes: Sizes, downward: bool
) -> Layout:
    """Places nodes and edges.

    Args:
      nodes: The nodes.
      edges: Pairs of nodes, without cycles.
      sizes: How large boxes and gaps are.
      downward: Whether edges go down the page, instead of to the right.
    """
    layer = _layers(nodes, edges)
    waypoints = {
        edge: [f"{edge} {i}" for i in range(layer[edge[0]] + 1, layer[edge[1]])]
        for edge in edges
    }
    chains = {edge: [edge[0], *way, edge[1]] for edge, way in waypoints.items()}
    rows: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for node in nodes:
        rows[layer[node]].append(node)
    for edge, way in waypoints.items():
        for i, waypoint in enumerate(way):
            rows[layer[edge[0]] + 1 + i].append(waypoint)
    steps = [pair for chain in chains.values() for pair in itertools.pairwise(chain)]
    _order(rows, steps)
    real = set(nodes)
    across = _places(rows, steps, real, sizes)
    extent = max((across[n] + sizes.waypoint for n in across), default=0.0)
    extent = max([extent, *(across[n] + sizes.across / 2 for n in nodes)])
    row_of = {name: number for number, row in enumerate(rows) for name in row}

    def point(name: str, side: float = 0) -> Point:
        along = row_of[name] * (sizes.along + sizes.gap_along) + sizes.along / 2
        along += side * sizes.along / 2
        return (across[name], along) if downward else (along, across[name])

    box = (sizes.across, sizes.along) if downward else (sizes.along, sizes.across)
    corners = {}
    for node in nodes:
        x, y = point(node)
        corners[node] = (x - box[0] / 2, y - box[1] / 2)
    length = len(rows) * (sizes.along + sizes.gap_along) - sizes.gap_along
    return Layout(
        corners=corners,
        paths={
            edge: _path(
                [
                    point(chain[0], 1),
                    # Straight past the boxes of a layer.
                    *(point(name, side) for name in chain[1:-1] for side in (-1, 1)),
                    point(chain[-1], -1),
                ],
                downward,
            )
            for edge, chain in chains.items()
        },
        width=extent if downward else max(length, 0),
        height=max(length, 0) if downward else extent,
        box=box,
    )


def _following(edges: Collection[Edge]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for start, end in edges:
        found.setdefault(start, []).append(end)
    return found


def _layers(nodes: Sequence[str], edges: Collection[Edge]) -> dict[str, int]:
    """Longest ways from the sources; sources stand right before what follows them."""
    following = _following(edges)
    before = dict.fromkeys(nodes, 0)
    for _, end in edges:
        before[end] += 1
    sources = [node for node in nodes if not before[node]]
    layer = dict.fromkeys(nodes, 0)
    ready = list(sources)
    while ready:
        node = ready.pop()
        for after in following.get(node, ()):
            layer[after] = max(layer[after], layer[node] + 1)
            before[after] -= 1
            if not before[after]:
                ready.append(after)
    for node in sources:
        if node in following:
            layer[node] = min(layer[after] for after in following[node]) - 1
    return layer


def _order(rows: list[list[str]], steps: Sequence[Edge]) -> None:
    """Sorts each row by the mean place of the neighbours in the row beside it."""
    after = _following(steps)
    before = _following([(end, start) for start, end in steps])
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        neighbours = before if down else after
        places = {name: i for row in rows for i, name in enumerate(row)}
        for row in rows[1:] if down else rows[-2::-1]:
            wanted = {
                name: sum(places[n] for n in near) / len(near)
                if (near := neighbours.get(name))
                else places[name]
                for name in row
            }
            row.sort(key=lambda name: wanted[name])
            places |= {name: i for i, name in enumerate(row)}


def _places(
    rows: Sequence[Sequence[str]],
    steps: Sequence[Edge],
    real: Collection[str],
    sizes: Sizes,
) -> dict[str, float]:
    """Name -> its place across: near its neighbours, clear of those beside it."""
    size = {n: sizes.across if n in real else sizes.waypoint for r in rows for n in r}
    found: dict[str, float] = {}
    for row in rows:
        # Centred on 0, which boxes are drawn to a little.
        at = -sum(size[name] + sizes.gap_across for name in row) / 2
        for name in row:
            found[name] = at + size[name] / 2
            at += size[name] + sizes.gap_across
    near: dict[str, list[tuple[str, int]]] = {}
    for start, end in steps:
        # Long edges had better be straight than short ones.
        weight = 1 if start in real or end in real else 6
        near.setdefault(start, []).append((end, weight))
        near.setdefault(end, []).append((start, weight))
    for sweep in range(_SWEEPS * 4):
        for row in rows if sweep % 2 else reversed(rows):
            wanted = [
                sum(found[other] * w for other, w in near[name])
                / (sum(w for _, w in near[name]) + (_PULL if name in real else 0))
                if name in near
                else found[name]
                for name in row
            ]
            apart = [
                (size[left] + size[right]) / 2 + sizes.gap_across
                for left, right in itertools.pairwise(row)
            ]
            found |= zip(row, _spread(wanted, apart), strict=True)
    least = min((found[n] - size[n] / 2 for n in found), default=0)
    return {name: place - least for name, place in found.items()}


def _spread(wanted: Sequence[float], apart: Sequence[float]) -> list[float]:
    """Places near the wanted ones, in their order, at least so far apart."""
    up, down = list(wanted), list(wanted)
    for i, distance in enumerate(apart):
        up[i + 1] = max(wanted[i + 1], up[i] + distance)
    for i in range(len(apart) - 1, -1, -1):
        down[i] = min(wanted[i], down[i + 1] - apart[i])
    # Both keep apart, so their mean does.
    return [(a + b) / 2 for a, b in zip(up, down, strict=True)]


def _path(points: Sequence[Point], downward: bool) -> str:
    """A smooth line through points, as SVG path data."""
    (x, y), *rest = points
    path = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in rest:
        if downward:
            middle = (y + to_y) / 2
            bend = f"{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f}"
        else:
            middle = (x + to_x) / 2
            bend = f"{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f}"
        path.append(f"C{bend} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
    return "".join(path)
