"""A trace as named facts in sections: what tables show and diffs compare."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ondevice_rec.lineage import facts, tfx_names
from ondevice_rec.lineage.graph import Value
from ondevice_rec.lineage.trace import Span, Trace

Facts = dict[str, Value | bool | None]

MODEL = "model"
DATA = "data"
SCHEMA = "schema"
VOCABULARIES = "vocabularies"
PARAMETERS = "parameters"
CODE = "code"
TRAINING = "training"
METRICS = "metrics"
BASELINES = "metrics of baselines"
SLICES = "metrics by slice"
BLESSING = "blessing"
PEOPLE = "who and when"

_MODEL_FACTS = (
    facts.PUSHED_VERSION,
    facts.MODEL_SHA256,
    facts.MODEL_SIZE_BYTES,
    facts.LATENCY_P50_US,
    facts.LATENCY_P99_US,
    facts.AGREEMENT,
    facts.PUSHED_DESTINATION,
)
# Parameters that are told elsewhere, or say where files lie.
_TOLD = (
    facts.SPAN,
    facts.VERSION,
    facts.SPANS,
    facts.INPUT_FINGERPRINT,
    "stats_options_json",
)


def sections(trace: Trace) -> dict[str, Facts]:
    """Section -> name -> value; None for what is not recorded."""
    return {
        MODEL: {name: trace.pushed.get(name) for name in _MODEL_FACTS},
        DATA: _data(trace),
        SCHEMA: _schema(trace),
        VOCABULARIES: {
            f"{column}.{name}": value
            for column, described in trace.vocabularies.items()
            for name, value in described.items()
        },
        PARAMETERS: _parameters(trace),
        CODE: _code(trace),
        TRAINING: _training(trace.model),
        METRICS: _metrics(trace, of_baselines=False),
        BASELINES: _metrics(trace, of_baselines=True),
        SLICES: {
            f"{name}.{metric}": value
            for name, metrics in trace.slices.items()
            for metric, value in metrics.items()
        },
        BLESSING: {
            "blessed": trace.blessing.get("blessed"),
            "reason": trace.blessing.get("reason"),
        },
    }


def span_name(span: Span) -> str:
    """What to call a span: its number and, where it has one, its version."""
    number, version = span.facts.get(facts.SPAN), span.facts.get(facts.VERSION)
    name = "span" if number is None else f"span {number}"
    return name if version is None else f"{name} version {version}"


def spans_read(span: Span) -> str:
    """The spans that were read together, as "2 version 3, 4 version 1"."""
    try:
        read = json.loads(str(span.facts.get(facts.SPANS)))
        return ", ".join(
            str(number) if version is None else f"{number} version {version}"
            for number, version in read
        )
    except (TypeError, ValueError):
        return str(span.facts.get(facts.SPANS))


def _data(trace: Trace) -> Facts:
    found: Facts = {}
    for span in trace.spans:
        name = span_name(span)
        if f"{name}.source" in found:
            # The same span again, read with other settings.
            name = f"{name} (artifact {span.artifact})"
        found[f"{name}.source"] = span.source
        if facts.SPANS in span.facts:
            found[f"{name}.{facts.SPANS}"] = spans_read(span)
        if facts.SPANS_LEFT_OUT in span.facts:
            found[f"{name}.{facts.SPANS_LEFT_OUT}"] = span.facts[facts.SPANS_LEFT_OUT]
        for fact in (
            facts.INPUT_FINGERPRINT,
            facts.ROWS_READ,
            facts.ROWS_REJECTED,
            facts.EVENTS,
            facts.USERS,
            facts.ITEMS,
        ):
            found[f"{name}.{fact}"] = span.facts.get(fact)
    return found


def _schema(trace: Trace) -> Facts:
    found: Facts = {facts.SCHEMA_SHA256: trace.schema.get(facts.SCHEMA_SHA256)}
    found |= trace.schema.get("columns", {})
    return found


def _parameters(trace: Trace) -> Facts:
    """Of each component; of several executions of one, the latest."""
    found: dict[str, Mapping[str, Value]] = {}
    for step in trace.steps:
        found[step.node] = step.parameters
    return {
        f"{node}.{name.removeprefix('custom_config.')}": value
        for node, parameters in found.items()
        for name, value in parameters.items()
        if name.split(".")[0] not in _TOLD
    }


def _code(trace: Trace) -> Facts:
    """Of each component, as it may have come from the cache of an older release."""
    found: Facts = {}
    for step in trace.steps:
        if step.package_version is not None:
            found[f"{step.node}.{facts.PACKAGE_VERSION}"] = step.package_version
            found[f"{step.node}.{facts.GIT_COMMIT}"] = step.git_commit
        found[f"{step.node}.{tfx_names.TFX_VERSION}"] = step.tfx_version
    return found


def _metrics(trace: Trace, of_baselines: bool) -> Facts:
    return {
        name: value
        for name, value in trace.metrics.items()
        if name.startswith(facts.BASELINE_PREFIXES) == of_baselines
    }


def _training(model: Mapping[str, Value]) -> Facts:
    names = (*facts.TRAINING_COUNTS, *facts.TRAINING_MEASURES, facts.WARM_START)
    return {name: model[name] for name in names if name in model}
