"""Graphs are laid out so that they can be read."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ondevice_rec.pipelines.report import layers

SIZES = layers.Sizes(along=40, across=100, gap_along=20, gap_across=10)


@st.composite
def graphs(draw):
    """Nodes, and edges from earlier ones to later ones."""
    nodes = [f"n{i}" for i in range(draw(st.integers(1, 12)))]
    pairs = list(itertools.combinations(nodes, 2))
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return nodes, edges


def reachable(edges, start):
    found, waiting = set(), [start]
    while waiting:
        at = waiting.pop()
        for a, b in edges:
            if a == at and b not in found:
                found.add(b)
                waiting.append(b)
    return found


@given(graphs())
def test_fewer_edges_lead_to_the_same_nodes(graph):
    nodes, edges = graph
    fewer = layers.reduced(edges)
    for node in nodes:
        assert reachable(fewer, node) == reachable(edges, node)
    # None can be spared.
    for edge in fewer:
        rest = [e for e in fewer if e != edge]
        assert edge[1] not in reachable(rest, edge[0])


@given(graphs(), st.booleans())
def test_boxes_lie_apart_and_edges_go_forward(graph, downward):
    nodes, edges = graph
    found = layers.lay_out(nodes, edges, SIZES, downward)
    width, height = found.box
    for (x, y), (u, v) in itertools.combinations(found.corners.values(), 2):
        assert abs(x - u) >= width or abs(y - v) >= height
    for x, y in found.corners.values():
        assert -1e-6 <= x <= found.width - width + 1e-6
        assert -1e-6 <= y <= found.height - height + 1e-6
    assert found.paths.keys() == set(edges)
    along = 1 if downward else 0
    for start, end in edges:
        assert found.corners[start][along] < found.corners[end][along]


def test_an_edge_past_a_layer_goes_beside_its_box():
    # a -> b -> c, and a -> c past b.
    found = layers.lay_out(
        ["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")], SIZES, True
    )
    x, _ = found.corners["b"]
    # "M x y C ... x y C ...": the third point stands where b's layer begins.
    waypoint = float(found.paths["a", "c"].split("C")[1].split()[-2])
    assert not x <= waypoint <= x + found.box[0]
