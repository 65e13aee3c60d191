"""What is shown, word for word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.lineage import models, sections, trace, wording
from ondevice_rec.lineage.graph import ArtifactNode, Event, ExecutionNode, Graph
from ondevice_rec.lineage.parameters import flatten
from ondevice_rec.lineage.render import document, dot, mermaid, table, trace_tree
from ondevice_rec.lineage.render.tree import Branch, draw
from ondevice_rec.lineage.store import Store


@pytest.fixture
def graph() -> Graph:
    """Examples 1 -> Trainer 3 -> model 2, with names that need escaping."""
    return Graph(
        artifacts={
            2: ArtifactNode(2, "Model", "/m", {}, 0),
            1: ArtifactNode(1, 'The "Examples"', "/e", {}, 0),
        },
        executions={3: ExecutionNode(3, "Trainer", "complete", {}, 0, 0)},
        edges={Event(1, 3, False, "examples"): None, Event(2, 3, True, "model"): None},
    )


def test_a_tree() -> None:
    root = Branch("root")
    first = root.add("first")
    first.add("deep").add("deeper")
    first.add("beside")
    root.add("last").add("under last")

    assert (
        draw(root)
        == """\
root
├─ first
│  ├─ deep
│  │  └─ deeper
│  └─ beside
└─ last
   └─ under last"""
    )


def test_mermaid(graph: Graph) -> None:
    assert (
        mermaid.render(graph)
        == """\
flowchart LR
  a1["The #quot;Examples#quot; 1"]
  a2["Model 2"]
  e3(["Trainer 3"])
  a1 --> e3
  e3 --> a2"""
    )


def test_dot(graph: Graph) -> None:
    assert (
        dot.render(graph)
        == r"""digraph lineage {
  rankdir=LR;
  a1 [shape=box, label="The \"Examples\" 1"];
  a2 [shape=box, label="Model 2"];
  e3 [shape=ellipse, label="Trainer 3"];
  a1 -> e3 [label="examples"];
  e3 -> a2 [label="model"];
}"""
    )


def test_a_table() -> None:
    found: dict[str, sections.Facts] = {
        "data": {"span 1.rows_read": 100000, "span 1.source": None},
        "metrics": {"ndcg@10": 0.058272},
    }

    assert (
        table.render(found)
        == """\
section  fact              value
data     span 1.rows_read  100,000
data     span 1.source     not recorded
metrics  ndcg@10           0.05827"""
    )


def test_json_has_null_for_what_is_no_number() -> None:
    text = document.render("trace", {"metrics": {"a": float("nan"), "b": [1.5]}})

    assert json.loads(text) == {
        "format_version": 1,
        "kind": "trace",
        "metrics": {"a": None, "b": [1.5]},
    }


def test_values() -> None:
    # 2026-11-22 02:56:29 UTC, as `date -u -d @1795316189` says.
    assert wording.moment(1795316189724) == "2026-11-22 02:56:29 UTC"
    shown = [wording.value(v) for v in (12345.6, 0.000012345, True, "a\n b", 1000)]
    assert shown == ["12,346", "1.234e-05", "yes", "a b", "1,000"]


def test_parameters_within_json_within_json() -> None:
    properties = {
        "custom_config": '{"training": "{\\"epochs\\": \\"8\\", \\"none\\": null}"}',
        "splits": '["train", "test"]',
        "groups": '[{"name": "a", "on": true}]',
        "text": "{no json",
        "empty": "",
        "count": 3,
    }

    assert flatten(properties) == {
        "custom_config.training.epochs": "8",
        "splits": '["train", "test"]',
        "groups.0.name": "a",
        "groups.0.on": "true",
        "text": "{no json",
        "count": 3,
    }


def test_a_trace_as_a_tree(writer: Any, root: Path) -> None:
    writer.run("run-1", span=1, version=11)
    store = Store(str(root))
    found = models.find(store)
    when = wording.moment(found.created)
    gone = " (its files are not on this machine)"

    assert (
        trace_tree.render(trace.trace(store, found))
        == f"""\
model 11
├─ sha256 {11:064d}
├─ pushed {when} to /gone/11
├─ by ann on builder
├─ run run-1 of pipeline p
├─ code ondevice-rec 0.1.0 (commit c0ffee), TFX 1.16.0
├─ data
│  └─ span 1 of log.csv [artifact 1]
│     ├─ rows read 100, rejected 1
│     └─ fingerprint fingerprint 1
├─ schema 5c5c5c5c5c5c... [artifact 2]
│  └─ item BYTES
├─ vocabulary of item: 30 keys, sha256 7e...
├─ parameters of Trainer
│  └─ training.epochs = 8
├─ training
│  ├─ epochs = 5
│  └─ steps = 110
├─ metrics
│  └─ ndcg@10 0.25 [0.2, 0.3] (popularity 0.125)
├─ blessed: it is better
└─ made from
   └─ PushedModel 8 by Pusher 6{gone}
      ├─ Model 5 by Trainer 4{gone}
      │  ├─ TransformGraph 3 by Transform 3{gone}
      │  │  ├─ Examples 1 by ExampleGen 1{gone}
      │  │  └─ Schema 2 by ImportSchemaGen 2{gone}
      │  └─ Examples 4 by Transform 3{gone} (see above)
      ├─ ModelEvaluation 6 by Evaluator 5{gone}
      │  ├─ Examples 4 by Transform 3{gone} (see above)
      │  └─ Model 5 by Trainer 4{gone} (see above)
      └─ ModelBlessing 7 by Evaluator 5{gone} (see above)"""
    )
