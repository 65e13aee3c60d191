"""The parts of the page, each with what it shows or why it shows nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jinja2
from markupsafe import Markup

from ondevice_rec.lineage import trace, walk
from ondevice_rec.lineage.graph import Graph
from ondevice_rec.lineage.render import trace_tree
from ondevice_rec.lineage.store import Store
from ondevice_rec.lineage.trace import Trace
from ondevice_rec.pipelines.report import (
    changes,
    data,
    examples,
    pictures,
    plots,
    reproduce,
    training,
    variants,
)
from ondevice_rec.pipelines.report.files import Files
from ondevice_rec.pipelines.report.missing import Missing
from ondevice_rec.pipelines.report.quality import CANDIDATE, Quality
from ondevice_rec.pipelines.report.run_record import RunRecord

logger = logging.getLogger("ondevice_rec.report")

FAULT = "This part could not be made"
# Beyond these a picture shows nothing.
_MAX_NODES = 120

# Of what is measured of a variant; the rest says the same again.
_OF_VARIANTS = ("recall@", "ndcg", "overlap@", "agreement")

Content = Mapping[str, Any]


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
      id: Its anchor, and its template's name.
      title: Its heading.
      body: HTML; None where there is nothing to show.
      missing: Why there is nothing, in words.
    """

    id: str
    title: str
    body: Markup | None
    missing: str = ""


def collect(
    store: Store,
    record: RunRecord,
    files: Files,
    measured: Quality | Missing,
    templates: jinja2.Environment,
) -> list[Section]:
    """Every section.

    Args:
      store: Where the run is recorded.
      record: The run.
      files: Reads its artifacts.
      measured: How good its model is, or why that is not known.
      templates: Those of the sections.
    """

    def quality() -> Quality:
        if isinstance(measured, Missing):
            raise measured
        return measured

    parts: list[tuple[str, str, Callable[[], Content]]] = [
        ("pipeline", "Pipeline", lambda: _pipeline(record)),
        ("data", "Data", lambda: _data(record, files)),
        ("training", "Training", lambda: _training(record, files)),
        ("quality", "Quality", lambda: _quality(quality())),
        ("slices", "Slices", lambda: _slices(quality())),
        ("variants", "TFLite files", lambda: _variants(record, files)),
        (
            "examples",
            "Recommendations",
            lambda: {"found": examples.collect(record, files)},
        ),
        (
            "changes",
            "Since the version before",
            lambda: {"found": changes.collect(store, record)},
        ),
        ("lineage", "Lineage", lambda: _lineage(store, record)),
        (
            "reproduce",
            "How to make it again",
            lambda: {"found": reproduce.collect(record)},
        ),
    ]
    return [_section(*part, templates) for part in parts]


def of_trace(found: Trace) -> Content:
    """The picture and the tree of a pushed model's lineage."""
    nodes = {step.execution: step.node for step in found.steps}
    return _graph(found.graph, nodes, found) | {"tree": trace_tree.render(found)}


def _section(
    id_: str, title: str, content: Callable[[], Content], templates: jinja2.Environment
) -> Section:
    try:
        template = templates.get_template(f"sections/{id_}.html.j2")
        return Section(id_, title, Markup(template.render(shown=content())))
    except Missing as error:
        return Section(id_, title, None, str(error))
    except Exception as error:
        # One part must not keep the others from being read.
        logger.exception("the section %s of the page about a run", id_)
        words = f"{FAULT}: {type(error).__name__}: {error}. Please report this."
        return Section(id_, title, None, words)


def _pipeline(record: RunRecord) -> Content:
    if not record.nodes:
        raise Missing(record.why_not())
    began = record.run.started
    longest = max(record.run.ended - began, 1)
    bars = [
        {
            "node": node,
            "left": 100 * (node.execution.started - began) / longest,
            "width": 100 * (node.execution.ended - node.execution.started) / longest,
        }
        for node in record.nodes
    ]
    picture, beside = pictures.pipeline(record)
    return {"picture": picture, "beside": beside, "bars": bars}


def _data(record: RunRecord, files: Files) -> Content:
    found = data.collect(record, files)
    content: dict[str, Any] = {
        "found": found,
        "lengths": plots.history_lengths(found.lengths) if found.lengths else None,
        "tail": None,
        "tail_plot": None,
        "tail_missing": "",
        "anomalies": None,
        "anomalies_missing": "",
    }
    try:
        tail = data.tail(record, files)
        content |= {"tail": tail, "tail_plot": plots.long_tail(tail)}
    except Missing as error:
        content["tail_missing"] = str(error)
    try:
        content["anomalies"] = data.anomalies(record, files)
    except Missing as error:
        content["anomalies_missing"] = str(error)
    return content


def _training(record: RunRecord, files: Files) -> Content:
    found = training.collect(record, files)
    return {
        "found": found,
        "losses": plots.losses(found) if found.losses else None,
        "measures": plots.measures(found) if found.measures else None,
    }


def _quality(found: Quality) -> Content:
    metrics = found.overall[CANDIDATE]
    kinds = [
        (kind, title)
        for kind, title in (("recall", "Recall"), ("ndcg", "NDCG"))
        if any(f"{kind}@{k}" in metrics for k in found.ks)
    ]
    headline = found.headline
    ratios = {
        model: ends
        for model in found.overall
        if headline and (ends := found.ratios.get(model, {}).get(headline))
    }
    return {
        "found": found,
        "metric": (headline or "").replace("ndcg", "NDCG"),
        "ratios": ratios,
        "plots": [plots.at_k(found, kind, title) for kind, title in kinds],
        "rows": [
            _compared(found, f"{kind}@{k}", f"{title}@{k}")
            for kind, title in kinds
            for k in found.ks
            if f"{kind}@{k}" in metrics
        ],
    }


def _compared(found: Quality, metric: str, title: str) -> Content:
    """A line of the table: every model's value, the largest one marked."""
    values = [named.get(metric) for named in found.overall.values()]
    best = max((value for value in values if value is not None), default=None)
    cells = [
        {
            "value": value,
            "best": value is not None and value == best,
            "ends": found.intervals.get(model, {}).get(metric),
        }
        for model, value in zip(found.overall, values, strict=True)
    ]
    return {"title": title, "cells": cells}


def _slices(found: Quality) -> Content:
    if not found.slices:
        raise Missing(
            "No slices were measured. Name some in `evaluation.slices`, for instance "
            "history_length and item_popularity."
        )
    if found.headline is None:
        raise Missing("Neither recall@k nor ndcg@k was measured.")
    return {
        "found": found,
        "metric": found.headline,
        "plot": plots.slices(found, found.headline),
        "plotted": len(plots.shown_slices(found)),
    }


def _variants(record: RunRecord, files: Files) -> Content:
    found = variants.collect(record, files)
    measured = [v for v in found if v.size is not None and v.p50 is not None]
    names = {name: None for variant in found for name in variant.quality}
    shown = [name for name in names if name.startswith(_OF_VARIANTS)]
    return {
        "found": found,
        "qualities": shown,
        "plot": plots.variants(found) if measured else None,
    }


def _lineage(store: Store, record: RunRecord) -> Content:
    pushed = changes.pushed(record)
    if pushed is not None:
        return of_trace(trace.trace(store, pushed))
    outputs = [artifact.id for node in record.nodes for artifact in node.outputs]
    if not outputs:
        raise Missing(f"{record.why_not()} Nothing was written.")
    graph = walk.upstream(store, outputs)
    nodes = {node.execution.id: node.name for node in record.nodes}
    return _graph(graph, nodes, None) | {"tree": ""}


def _graph(graph: Graph, nodes: dict[int, str], found: Trace | None) -> dict[str, Any]:
    number = len(graph.artifacts) + len(graph.executions)
    absent = found.absent if found else trace.absent(graph)
    picture = None
    if number <= _MAX_NODES:
        picture = pictures.lineage(graph, nodes, absent)
    return {"picture": picture, "nodes": number, "absent": len(absent)}
