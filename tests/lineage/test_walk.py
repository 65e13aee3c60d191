"""Graphs of every shape that pipelines leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from ondevice_rec.lineage import by_time, impact, models, trace, walk
from ondevice_rec.lineage.errors import LineageError
from ondevice_rec.lineage.render import trace_tree
from ondevice_rec.lineage.store import Store


def test_a_diamond_is_walked_once(writer: Any, root: Path) -> None:
    # a -> split -> (b, c) -> join -> d
    a, b, c, d = (writer.artifact(kind) for kind in "ABCD")
    source = writer.execution("Source", outputs={"a": [a]})
    split = writer.execution("Split", inputs={"a": [a]}, outputs={"b": [b], "c": [c]})
    join = writer.execution("Join", inputs={"b": [b], "c": [c]}, outputs={"d": [d]})

    graph = walk.upstream(Store(str(root)), [d])

    assert sorted(graph.artifacts) == [a, b, c, d]
    assert sorted(graph.executions) == [source, split, join]
    assert graph.producers() == {a: source, b: split, c: split, d: join}
    assert graph.inputs() == {split: [a], join: [b, c]}
    assert len(graph.edges) == 7


def test_a_model_that_was_compared_with_is_named_but_not_followed(
    writer: Any, root: Path
) -> None:
    before = writer.run("run-1", span=1, version=11)
    model, pushed = (
        writer.artifact("Model"),
        writer.artifact("PushedModel", pushed=1, pushed_version="12"),
    )
    examples = writer.artifact("Examples", span=2)
    writer.execution("ExampleGen", "run-2", {}, {"examples": [examples]})
    writer.execution("Trainer", "run-2", {"examples": [examples]}, {"model": [model]})
    blessing = writer.artifact("ModelBlessing", blessed=1)
    inputs = {"model": [model], "baseline_model": [before["model"]]}
    writer.execution("Evaluator", "run-2", inputs, {"blessing": [blessing]})
    inputs = {"model": [model], "model_blessing": [blessing]}
    writer.execution("Pusher", "run-2", inputs, {"pushed": [pushed]})
    store = Store(str(root))

    found = trace.trace(store, models.find(store, "12"))

    assert [span.facts["span"] for span in found.spans] == [2]
    assert before["examples"] not in found.graph.artifacts
    assert f"Model {before['model']} (compared with)" in trace_tree.render(found)
    # Nor does the first span's data reach the second version.
    assert [v.version for v in impact.of_span(store, 1).versions] == ["11"]


def test_what_is_beside_the_way_is_not_upstream(writer: Any, root: Path) -> None:
    a, b, beside = (writer.artifact(kind) for kind in ("A", "B", "Beside"))
    writer.execution("Source", outputs={"a": [a], "beside": [beside]})
    writer.execution("Next", inputs={"a": [a]}, outputs={"b": [b]})

    assert sorted(walk.upstream(Store(str(root)), [b]).artifacts) == [a, b]


def test_the_execution_that_wrote_it_is_named_not_one_that_took_it_from_the_cache(
    writer: Any, root: Path
) -> None:
    made = writer.run("run-1", span=1, version=11)
    writer.execution(
        "Trainer", "run-2", {"timelines": [made["timelines"]]},
        {"model": [made["model"]]}, state=pb.Execution.CACHED,
    )  # fmt: skip

    store = Store(str(root))
    found = trace.trace(store, models.find(store))

    trainers = [step for step in found.steps if step.node == "Trainer"]
    assert [(step.run, step.state) for step in trainers] == [("run-1", "complete")]


@pytest.mark.parametrize("between", [0, 100])
def test_what_its_own_run_took_from_the_cache_was_written_by_an_earlier_one(
    writer: Any, root: Path, between: int
) -> None:
    first = writer.execution("SchemaGen", "run-1")
    schema = writer.wrote(first, "Schema")
    for number in range(between):
        writer.execution("Other", f"between-{number}")
    cached = writer.execution(
        "SchemaGen", "run-2", {}, {"schema": [schema]}, state=pb.Execution.CACHED
    )
    transform = writer.execution("Transform", "run-2", {"schema": [schema]})
    made = writer.wrote(transform, "TransformGraph")
    trainer = writer.execution("Trainer", "run-2", {"all": [schema, made]})
    model = writer.wrote(trainer, "Model")

    graph = walk.upstream(Store(str(root)), [model])

    assert graph.producers() == {model: trainer, made: transform, schema: first}
    assert cached not in graph.executions


def test_what_was_written_long_ago_is_found_too(writer: Any, root: Path) -> None:
    old = writer.artifact("Schema")
    # It began, wrote nothing for long, and many others began meanwhile.
    for _ in range(100):
        writer.execution("Other")
    late = writer.artifact("Late")
    first = writer.execution("First", outputs={"schema": [old]})
    made = writer.artifact("Made")
    last = writer.execution("Last", "r", {"schema": [old]}, {"made": [made, late]})

    graph = walk.upstream(Store(str(root)), [made])

    assert graph.producers() == {made: last, old: first}


def test_bisection_by_time() -> None:
    # Ids 1 to 5, two of them made at once.
    when = {1: 10, 2: 20, 3: 20, 4: 30, 5: 40}
    for moment, first in ((0, 1), (10, 1), (11, 2), (20, 2), (25, 4), (40, 5), (41, 6)):
        assert by_time.first_since(when.get, 5, moment) == first
    assert by_time.first_since(when.get, 9, 99) is None
    assert by_time.first_since(when.get, 0, 99) == 1


def test_a_model_made_of_several_spans_names_each(writer: Any, root: Path) -> None:
    first = writer.run("run-1", span=1, version=11)
    second = writer.run("run-2", span=2, version=12, base_model=first["model"])
    writer.run("run-3", span=3, version=13, base_model=second["model"])
    store = Store(str(root))

    found = trace.trace(store, models.find(store, "12"))

    assert [span.facts["span"] for span in found.spans] == [1, 2]
    assert [span.source for span in found.spans] == ["log.csv", "log.csv"]


def test_models_that_descend_from_each_other_by_the_hundred(
    writer: Any, root: Path
) -> None:
    model = writer.artifact("Model")
    writer.execution("Trainer", outputs={"model": [model]})
    for _ in range(400):
        before, model = model, writer.artifact("Model")
        writer.execution("Trainer", inputs={"m": [before]}, outputs={"m": [model]})
    pushed = writer.artifact("PushedModel", pushed=1, pushed_version="7")
    writer.execution("Pusher", inputs={"m": [model]}, outputs={"pushed": [pushed]})
    store = Store(str(root))

    text = trace_tree.render(trace.trace(store, models.find(store)))

    assert len([line for line in text.splitlines() if "Model" in line]) == 402


def test_the_impact_of_a_span_reaches_the_versions(writer: Any, root: Path) -> None:
    serving = root / "serving"
    schema = writer.artifact("Schema")
    one = writer.run("run-1", span=1, version=11, folder=serving, schema=schema)
    writer.run("run-2", span=2, version=12, folder=serving, schema=schema)
    warm = writer.run(
        "run-3", span=3, version=13, folder=serving, schema=schema,
        base_model=one["model"],
    )  # fmt: skip
    for version in ("12", "13"):
        (serving / version).mkdir(parents=True)
    store = Store(str(root))

    found = impact.of_span(store, 1)

    # Run 2 shares the schema with run 1, but nothing of its data.
    assert [(v.version, v.state) for v in found.versions] == [
        ("13", "current"),
        ("11", "removed"),
    ]
    assert {
        warm["model"],
        warm["pushed"],
        one["timelines"],
    } <= found.graph.artifacts.keys()
    assert warm["examples"] not in found.graph.artifacts
    assert schema not in found.graph.artifacts
    # After a rollback the folder's pointer says what is served.
    (serving / "current").write_text("12\n")
    assert [v.state for v in impact.of_span(store, 1).versions] == [
        "superseded",
        "removed",
    ]


def test_the_impact_of_a_cached_execution_is_that_of_the_one_that_wrote(
    writer: Any, root: Path
) -> None:
    made = writer.run("run-1", span=1, version=11)
    again = writer.execution(
        "ExampleGen", "run-2", {}, {"examples": [made["examples"]]},
        state=pb.Execution.CACHED,
    )  # fmt: skip

    found = impact.of_execution(Store(str(root)), again)

    assert [v.version for v in found.versions] == ["11"]


def test_an_execution_that_failed_on_the_data_is_downstream(
    writer: Any, root: Path
) -> None:
    examples = writer.artifact("Examples", span="4")
    writer.execution("ExampleGen", outputs={"examples": [examples]})
    failed = writer.execution(
        "Trainer", inputs={"examples": [examples]}, state=pb.Execution.FAILED
    )

    # TFX writes spans as text too.
    found = impact.of_span(Store(str(root)), 4)

    assert found.versions == []
    assert found.graph.executions[failed].state == "failed"


def test_a_span_that_was_read_with_others_reaches_the_version(
    writer: Any, root: Path
) -> None:
    examples = writer.artifact("Examples", span=3, spans="[[2, null], [3, 4]]")
    pushed = writer.artifact("PushedModel", pushed=1, pushed_version="13")
    writer.execution("ExampleGen", "run-1", {}, {"examples": [examples]})
    writer.execution("Pusher", "run-1", {"examples": [examples]}, {"pushed": [pushed]})
    store = Store(str(root))

    for span in (2, 3):
        assert [v.version for v in impact.of_span(store, span).versions] == ["13"]
    with pytest.raises(LineageError, match="latest spans are: 2, 3"):
        impact.of_span(store, 1)
    shown = trace_tree.render(trace.trace(store, models.find(store, "13")))
    assert "spans 2, 3 version 4" in shown


def test_a_span_that_was_compared_with_is_not_upstream(writer: Any, root: Path) -> None:
    before, examples = writer.artifact("Examples", span=1), writer.artifact("Examples")
    earlier, now = writer.artifact("Statistics"), writer.artifact("Statistics")
    anomalies = writer.artifact("Anomalies")
    pushed = writer.artifact("PushedModel", pushed=1, pushed_version="13")
    writer.execution("Stats", "run-1", {"examples": [before]}, {"found": [earlier]})
    writer.execution("Stats", "run-2", {"examples": [examples]}, {"found": [now]})
    inputs = {"statistics": [now], "previous_statistics": [earlier]}
    writer.execution("Validator", "run-2", inputs, {"anomalies": [anomalies]})
    writer.execution("Pusher", "run-2", {"anomalies": [anomalies]}, {"it": [pushed]})

    found = trace.trace(Store(str(root)), models.find(Store(str(root)), "13"))

    assert earlier in found.graph.artifacts
    assert examples in found.graph.artifacts
    assert before not in found.graph.artifacts
