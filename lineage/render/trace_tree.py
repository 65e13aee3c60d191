"""A trace as a tree: the model, what is known of it, and what it was made from."""

from __future__ import annotations

from collections.abc import Mapping

from ondevice_rec.lineage import facts, sections, tfx_names, wording
from ondevice_rec.lineage.graph import Graph, Value
from ondevice_rec.lineage.render.tree import Branch, draw
from ondevice_rec.lineage.trace import Span, Step, Trace

_DIGEST = 12
# Components whose parameters matter most: the hyper-parameters.
_TRAINER = "Trainer"


def render(trace: Trace) -> str:
    """The tree as text."""
    return draw(branch(trace))


def branch(trace: Trace) -> Branch:
    """The tree."""
    pushed = trace.pushed
    root = Branch(f"model {wording.value(pushed.get(facts.PUSHED_VERSION))}")
    root.add(f"sha256 {wording.value(pushed.get(facts.MODEL_SHA256))}")
    root.add(f"pushed {wording.moment(trace.pushed_at)} to {_destination(pushed)}")
    _add_people(root, trace)
    _add_code(root, trace)
    data = root.add("data")
    for span in trace.spans:
        _add_span(data, span)
    _add_schema(root, trace)
    _add_parameters(root, trace)
    if trace.model:
        _add_facts(root, "training", sections.sections(trace)[sections.TRAINING])
    _add_metrics(root, trace)
    _add_blessing(root, trace)
    graph = root.add("made from")
    _add_graph(graph, trace)
    return root


def _destination(pushed: Mapping[str, Value]) -> str:
    return wording.value(pushed.get(facts.PUSHED_DESTINATION))


def _add_people(root: Branch, trace: Trace) -> None:
    named = [step for step in trace.steps if step.user is not None]
    people = dict.fromkeys(f"{step.user} on {step.host}" for step in named)
    root.add(f"by {', '.join(people) or wording.NOT_RECORDED}")
    runs = dict.fromkeys((step.pipeline, step.run) for step in trace.steps)
    for pipeline, run in runs:
        root.add(f"run {run or wording.NOT_RECORDED} of pipeline {pipeline}")


def _add_code(root: Branch, trace: Trace) -> None:
    made_by: dict[str, list[str]] = {}
    for step in trace.steps:
        if step.package_version is not None:
            made_by.setdefault(_code(step), []).append(step.node)
    if not made_by:
        root.add(f"code {wording.NOT_RECORDED}")
    for code, nodes in made_by.items():
        # Where all is of one release, the components need not be named.
        which = "" if len(made_by) == 1 else f": {', '.join(nodes)}"
        root.add(f"code {code}{which}")


def _code(step: Step) -> str:
    commit = f"commit {step.git_commit}" if step.git_commit else "no checkout"
    return f"ondevice-rec {step.package_version} ({commit}), TFX {step.tfx_version}"


def _add_span(data: Branch, span: Span) -> None:
    known = span.facts
    source = f" of {span.source}" if span.source else ""
    below = data.add(f"{sections.span_name(span)}{source} [artifact {span.artifact}]")
    if facts.SPANS in known:
        below.add(f"spans {sections.spans_read(span)}")
    for line in str(known.get(facts.SPANS_LEFT_OUT, "")).splitlines():
        below.add(f"left out: {line}")
    rows = wording.value(known.get(facts.ROWS_READ))
    rejected = wording.value(known.get(facts.ROWS_REJECTED))
    below.add(f"rows read {rows}, rejected {rejected}")
    counts = ", ".join(
        f"{wording.value(known[name])} {name}"
        for name in (facts.EVENTS, facts.USERS, facts.ITEMS)
        if name in known
    )
    if counts:
        below.add(counts)
    fingerprint = known.get(facts.INPUT_FINGERPRINT)
    for line in str(fingerprint or wording.NOT_RECORDED).splitlines():
        below.add(f"fingerprint {line}")


def _add_schema(root: Branch, trace: Trace) -> None:
    digest = trace.schema.get(facts.SCHEMA_SHA256)
    artifact = trace.schema.get("artifact")
    which = f" [artifact {artifact}]" if artifact else ""
    below = root.add(f"schema {_short(digest)}{which}")
    columns = trace.schema.get("columns", {})
    if columns:
        below.add(", ".join(f"{name} {kind}" for name, kind in columns.items()))
    for column, described in trace.vocabularies.items():
        size, digest = wording.value(described["size"]), _short(described["sha256"])
        root.add(f"vocabulary of {column}: {size} keys, sha256 {digest}")


def _short(digest: str | None) -> str:
    return f"{digest[:_DIGEST]}..." if digest else wording.NOT_RECORDED


def _add_parameters(root: Branch, trace: Trace) -> None:
    found = sections.sections(trace)[sections.PARAMETERS]
    for node in dict.fromkeys(step.node for step in trace.steps):
        if node.endswith(_TRAINER):
            prefix = f"{node}."
            own = {
                name.removeprefix(prefix): value
                for name, value in found.items()
                if name.startswith(prefix)
            }
            _add_facts(root, f"parameters of {node}", own)


def _add_facts(root: Branch, title: str, found: sections.Facts) -> None:
    below = root.add(title)
    for name, value in found.items():
        below.add(f"{name} = {wording.value(value)}")


def _add_metrics(root: Branch, trace: Trace) -> None:
    if not trace.metrics:
        root.add(f"metrics {wording.NOT_RECORDED}")
        return
    below = root.add("metrics")
    for name, value in trace.metrics.items():
        if not name.startswith(facts.BASELINE_PREFIXES):
            below.add(f"{name} {wording.value(value)}{_beside(trace, name)}")


def _beside(trace: Trace, name: str) -> str:
    """A metric's interval, and what other models measured beside it have."""
    ends = [wording.value(end) for end in trace.intervals.get(name, ())]
    interval = f" [{', '.join(ends)}]" if ends else ""
    others = [
        f"{prefix.rstrip('_')} {wording.value(trace.metrics[prefix + name])}"
        for prefix in facts.BASELINE_PREFIXES
        if prefix + name in trace.metrics
    ]
    return interval + (f" ({', '.join(others)})" if others else "")


def _add_blessing(root: Branch, trace: Trace) -> None:
    if not trace.blessing:
        root.add(f"blessing {wording.NOT_RECORDED}")
        return
    blessed = "blessed" if trace.blessing["blessed"] else "not blessed"
    root.add(f"{blessed}: {trace.blessing['reason'] or 'the reason is not recorded'}")


def _add_graph(root: Branch, trace: Trace) -> None:
    graph = trace.graph
    read = {i for artifacts in graph.inputs().values() for i in artifacts}
    absent = frozenset(trace.absent)
    nodes = {step.execution: step.node for step in trace.steps}
    shown: set[int | None] = set()
    for artifact in sorted(graph.artifacts.keys() - read):
        _add_artifact(root, graph, artifact, nodes, absent, shown)


def _add_artifact(
    root: Branch,
    graph: Graph,
    artifact: int,
    nodes: Mapping[int, str],
    absent: frozenset[int],
    shown: set[int | None],
) -> None:
    """An artifact and below it what it was made from, once for each execution.

    Without recursion: models may descend from each other by the thousand.
    """
    producers, inputs = graph.producers(), graph.inputs()
    waiting = [(root, artifact)]
    while waiting:
        parent, current = waiting.pop()
        label = f"{graph.artifacts[current].type} {current}"
        producer = producers.get(current)
        if producer is not None:
            label += f" by {nodes.get(producer, '?')} {producer}"
        elif graph.artifacts[current].type == tfx_names.MODEL:
            label += " (compared with)"
        if current in absent:
            label += " (its files are not on this machine)"
        read = inputs.get(producer, []) if producer is not None else []
        if producer in shown and read:
            parent.add(f"{label} (see above)")
            continue
        shown.add(producer)
        below = parent.add(label)
        waiting += [(below, each) for each in reversed(read)]
