"""Puts the page about a run together."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ondevice_rec.lineage import connection
from ondevice_rec.lineage.store import Store
from ondevice_rec.pipelines.report import (
    failure,
    overview,
    quality,
    run_record,
    sections,
    wording,
)
from ondevice_rec.pipelines.report.files import Files
from ondevice_rec.pipelines.report.missing import Missing
from ondevice_rec.pipelines.report.quality import Quality
from ondevice_rec.pipelines.report.run_record import RunRecord

_TEMPLATES = Path(__file__).parent / "templates"


def environment(*folders: Path) -> jinja2.Environment:
    """Templates; whatever they show is escaped.

    Args:
      *folders: Of more templates.
    """
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, _TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= wording.FILTERS
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    found.globals["style"] = Markup(style)
    found.globals["names"] = quality.NAMES
    return found


def render(
    store: Store,
    wanted: str | None = None,
    within: Sequence[str] | None = None,
    templates: jinja2.Environment | None = None,
    template: str = "report.html.j2",
) -> str:
    """The page about a run.

    Args:
      store: The store.
      wanted: A run's name or a pushed version; None for the latest run.
      within: The only folders that files are read from; None for any.
      templates: See `environment`.
      template: The page's.

    Returns:
      HTML that needs no other file.

    Raises:
      LineageError: the store cannot be read, or holds no such run.
    """
    record = run_record.read(store, wanted)
    templates = templates or environment()
    return templates.get_template(template).render(
        **_content(store, record, Files(within), templates),
        record=record,
        store=store.name,
        made=int(time.time() * 1000),
    )


def _content(
    store: Store,
    record: RunRecord | None,
    files: Files,
    templates: jinja2.Environment,
) -> dict[str, Any]:
    if record is None:
        return {"overview": None, "sections": [], "log": None}
    measured: Quality | Missing
    try:
        measured = quality.collect(record, files)
    except Missing as error:
        measured = error
    why, log = _failure(store, record, files)
    known = measured if isinstance(measured, Quality) else None
    return {
        "overview": overview.collect(record, known, why),
        "sections": sections.collect(store, record, files, measured, templates),
        "log": log,
    }


def _failure(store: Store, record: RunRecord, files: Files) -> tuple[str, str | None]:
    if connection.is_url(store.location):
        return "", None
    root = store.location
    if not os.path.isdir(root):
        root = os.path.dirname(root)
    path = failure.path(root, record.run.name)
    return failure.read(path) if path and files.allows(path) else ("", None)
