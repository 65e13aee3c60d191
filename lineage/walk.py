"""Follows events through a store, breadth first: a level at a time, not a node.

What was only compared with, a model or the statistics of a span, is named, but not
followed: each run compares with the one before, and none is made of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from ondevice_rec.lineage import by_time, tfx_names
from ondevice_rec.lineage.graph import Event, Graph
from ondevice_rec.lineage.store import Store


def upstream(store: Store, artifacts: Iterable[int]) -> Graph:
    """Everything that artifacts were made from, and what made it.

    What was compared with is part of the graph, without what made it.

    Args:
      store: The store.
      artifacts: Ids to begin at; they are part of the graph.
    """
    graph = Graph()
    compared: set[int] = set()
    frontier = set(artifacts)
    while frontier:
        _add_artifacts(store, graph, frontier)
        nodes = [graph.artifacts[i] for i in frontier if i in graph.artifacts]
        written = by_time.writers(store, nodes).values()
        _add_edges(graph, written)
        fresh = {e.execution for e in written} - graph.executions.keys()
        _add_executions(store, graph, fresh)
        inputs = [e for e in store.events_of_executions(fresh) if not e.output]
        _add_edges(graph, inputs)
        compared |= {e.artifact for e in inputs if _is_compared(e)}
        made_from = {e.artifact for e in inputs if not _is_compared(e)}
        frontier = made_from - graph.artifacts.keys()
    _add_artifacts(store, graph, compared - graph.artifacts.keys())
    return graph


def downstream(store: Store, executions: Iterable[int]) -> Graph:
    """Everything that executions wrote, and what was made from it.

    Executions that took everything from the cache made nothing and are left out.

    Args:
      store: The store.
      executions: Ids to begin at; they are part of the graph, their inputs are not.
    """
    graph = Graph()
    frontier = set(executions)
    pending: list[Event] = []
    while frontier:
        _add_executions(store, graph, frontier)
        fresh = {i for i in frontier if graph.executions[i].state != "cached"}
        for cached in frontier - fresh:
            del graph.executions[cached]
        _add_edges(graph, (e for e in pending if e.execution in fresh))
        outputs = [e for e in store.events_of_executions(fresh) if e.output]
        _add_edges(graph, outputs)
        written = {e.artifact for e in outputs} - graph.artifacts.keys()
        _add_artifacts(store, graph, written)
        pending = [e for e in store.readers(written) if not _is_compared(e)]
        # An execution that was met before may read what was found only now.
        _add_edges(graph, (e for e in pending if e.execution in graph.executions))
        frontier = {e.execution for e in pending} - graph.executions.keys()
    return graph


def _is_compared(event: Event) -> bool:
    return not event.output and event.key in tfx_names.COMPARED


def _add_artifacts(store: Store, graph: Graph, ids: Iterable[int]) -> None:
    graph.artifacts.update((node.id, node) for node in store.artifacts(ids))


def _add_executions(store: Store, graph: Graph, ids: Iterable[int]) -> None:
    graph.executions.update((node.id, node) for node in store.executions(ids))


def _add_edges(graph: Graph, events: Iterable[Event]) -> None:
    ordered = sorted(events, key=lambda e: (e.execution, e.output, e.artifact, e.key))
    graph.edges.update(dict.fromkeys(ordered))
