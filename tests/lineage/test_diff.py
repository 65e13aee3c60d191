"""What changed between two models."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from ondevice_rec.lineage import diff, models, sections, trace
from ondevice_rec.lineage.diff import Change
from ondevice_rec.lineage.render import changes
from ondevice_rec.lineage.store import Store


def test_what_changed_and_nothing_else(writer: Any, root: Path) -> None:
    writer.run("run-1", span=1, version=11, rows_read=100, epochs=8, ndcg=0.25)
    writer.run("run-2", span=1, version=12, rows_read=150, epochs=9, ndcg=0.5)
    store = Store(str(root))
    before = trace.trace(store, models.find(store, "11"))
    after = trace.trace(store, models.find(store, "12"))

    assert diff.diff(before, after) == [
        Change("model", "pushed_version", "11", "12"),
        Change("model", "model_sha256", f"{11:064d}", f"{12:064d}"),
        Change("model", "pushed_destination", "/gone/11", "/gone/12"),
        Change("data", "span 1.rows_read", 100, 150),
        Change("parameters", "Trainer.training.epochs", "8", "9"),
        Change("metrics", "ndcg@10", 0.25, 0.5),
        Change("metrics by slice", "genre=Drama.ndcg@10", 0.25, 0.5),
    ]
    assert diff.diff(before, before) == []


def test_metrics_of_the_baselines_are_no_change(writer: Any, root: Path) -> None:
    writer.run("run-1", span=1, version=11)
    writer.run("run-2", span=1, version=12)
    store = Store(str(root))
    first, second = (trace.trace(store, models.find(store, v)) for v in ("11", "12"))
    metrics = {**second.metrics, "blessed_ndcg@10": 0.2, "popularity_ndcg@10": 0.1}
    second = dataclasses.replace(second, metrics=metrics)

    assert {change.section for change in diff.diff(first, second)} == {"model"}


def test_another_span_is_a_change_of_the_data(writer: Any, root: Path) -> None:
    writer.run("run-1", span=1, version=11)
    writer.run("run-2", span=2, version=12)
    store = Store(str(root))
    first, second = (trace.trace(store, models.find(store, v)) for v in ("11", "12"))

    found = {
        change.name: (change.before, change.after)
        for change in diff.diff(first, second)
        if change.section == sections.DATA
    }

    assert found["span 1.input_fingerprint"] == ("fingerprint 1", None)
    assert found["span 2.input_fingerprint"] == (None, "fingerprint 2")
    assert found["span 2.rows_read"] == (None, 100)


def test_changes_as_text() -> None:
    found = [
        Change("data", "span 1.rows_read", 1000, 1500),
        Change("data", "span 1.source", "a.csv", None),
        Change("metrics", "ndcg@10", 0.5, 0.25),
        Change("blessing", "blessed", True, False),
    ]

    assert (
        changes.render("11", "12", found)
        == """\
11 -> 12
data
  span 1.rows_read: 1,000 -> 1,500 (+500)
  span 1.source: a.csv -> not recorded
metrics
  ndcg@10: 0.5 -> 0.25 (-0.25)
blessing
  blessed: yes -> no"""
    )
    assert changes.render("11", "12", []) == (
        "11 and 12 come from the same data, code and settings."
    )
