"""Answers the questions of `ondevice-rec lineage`."""

from __future__ import annotations

import argparse
import itertools
import json
from typing import TYPE_CHECKING, Any

from ondevice_rec.lineage.errors import LineageError
from ondevice_rec.pipelines import store_command

if TYPE_CHECKING:
    from ondevice_rec.lineage.store import Store
    from ondevice_rec.lineage.trace import Trace

# `verify` found something that is not as it was written.
NOT_AS_WRITTEN = 1


def answer(arguments: argparse.Namespace) -> tuple[str, int]:
    """Answers one question.

    Args:
      arguments: See `lineage_arguments`.

    Returns:
      What to print, and the exit code.

    Raises:
      LineageError: the question cannot be answered; the message says why.
    """
    store_command.prepare(arguments.root, "lineage")
    from ondevice_rec.lineage.store import Store

    questions = {
        "trace": _trace,
        "diff": _diff,
        "impact": _impact,
        "runs": _runs,
        "verify": _verify,
    }
    return questions[arguments.question](Store(arguments.root), arguments)


def _trace(store: Store, arguments: argparse.Namespace) -> tuple[str, int]:
    from ondevice_rec.lineage import sections
    from ondevice_rec.lineage.render import (
        document,
        dot,
        mermaid,
        openlineage,
        table,
        trace_tree,
    )

    found = _traced(store, arguments.model)
    renderers: dict[str, Any] = {
        "tree": lambda: trace_tree.render(found),
        "table": lambda: table.render(sections.sections(found)),
        "json": lambda: document.render("trace", document.trace_content(found)),
        "mermaid": lambda: mermaid.render(found.graph),
        "dot": lambda: dot.render(found.graph),
        "openlineage": lambda: "\n".join(
            json.dumps(event, ensure_ascii=False) for event in openlineage.events(found)
        ),
    }
    return renderers[arguments.format](), 0


def _diff(store: Store, arguments: argparse.Namespace) -> tuple[str, int]:
    from ondevice_rec.lineage import diff
    from ondevice_rec.lineage.render import changes, document

    before = _traced(store, arguments.before)
    after = _traced(store, arguments.after)
    found = diff.diff(before, after)
    if not arguments.json:
        return changes.render(arguments.before, arguments.after, found), 0
    content = {
        "before": before.pushed,
        "after": after.pushed,
        "changes": document.records(found),
    }
    return document.render("diff", content), 0


def _impact(store: Store, arguments: argparse.Namespace) -> tuple[str, int]:
    from ondevice_rec.lineage import impact
    from ondevice_rec.lineage.render import document
    from ondevice_rec.lineage.render import impact as as_text

    if arguments.span is not None:
        found = impact.of_span(store, arguments.span)
    else:
        found = impact.of_execution(store, arguments.execution)
    if not arguments.json:
        return as_text.render(found), 0
    content = {
        "roots": found.roots,
        "versions": document.records(found.versions),
        "graph": document.graph_content(found.graph),
    }
    return document.render("impact", content), 0


def _runs(store: Store, arguments: argparse.Namespace) -> tuple[str, int]:
    from ondevice_rec.lineage import runs
    from ondevice_rec.lineage.render import document, history

    if arguments.limit < 0:
        raise LineageError(f"--limit must be >= 0, received {arguments.limit}.")
    found = list(itertools.islice(runs.runs(store), arguments.limit or None))
    if arguments.json:
        return document.render("runs", {"runs": document.records(found)}), 0
    return history.render(found) if found else f"{store.name} holds no run yet.", 0


def _verify(store: Store, arguments: argparse.Namespace) -> tuple[str, int]:
    from ondevice_rec.lineage import verify
    from ondevice_rec.lineage.render import document, verification

    found = verify.verify(store)
    code = NOT_AS_WRITTEN if found.findings else 0
    if arguments.json:
        return document.render("verify", document.records([found])[0]), code
    return verification.render(found), code


def _traced(store: Store, model: str | None) -> Trace:
    from ondevice_rec.lineage import models, trace

    return trace.trace(store, models.find(store, model))
