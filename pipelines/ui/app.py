"""The pages: history, reports, lineage, what changed."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jinja2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ondevice_rec.lineage import (
    connection,
    diff,
    facts,
    models,
    runs,
    sections,
    trace,
)
from ondevice_rec.lineage.errors import LineageError
from ondevice_rec.lineage.store import Store
from ondevice_rec.pipelines.report import page
from ondevice_rec.pipelines.report import sections as report_sections
from ondevice_rec.pipelines.ui.headers import Headers

_TEMPLATES = Path(__file__).parent / "templates"
_RUNS = 20
_VERSIONS = 50

Answer = Callable[[Store, Request], str]


class Pages:
    """Answers requests from a store."""

    def __init__(self, location: str) -> None:
        """Takes a store.

        Args:
          location: Where it is; files are read from its folder alone, and none where
            it is a database.
        """
        self._location = location
        self._within = _folder(location)
        self._templates = page.environment(_TEMPLATES)
        # ML Metadata's client, and plots, are not for several threads.
        self._lock = threading.Lock()

    def routes(self) -> list[Route]:
        """What is served, and by what."""
        return [
            Route("/", self._endpoint(self.history)),
            Route("/runs/{name:path}", self._endpoint(self.report)),
            Route("/models/{model}", self._endpoint(self.lineage)),
            Route("/diff", self._endpoint(self.diff)),
        ]

    def history(self, store: Store, request: Request) -> str:
        """The runs, latest first, a page of them."""
        skipped = _number(request.query_params.get("skip", "0"))
        found = list(itertools.islice(runs.runs(store), skipped, skipped + _RUNS + 1))
        return self._render(
            "history.html.j2",
            store,
            runs=found[:_RUNS],
            skipped=skipped,
            older=skipped + _RUNS if found[_RUNS:] else None,
            newer=max(0, skipped - _RUNS) if skipped else None,
            versions=_versions(store),
        )

    def report(self, store: Store, request: Request) -> str:
        """The page about a run."""
        name = request.path_params["name"]
        return page.render(store, name, self._within, self._templates, "run.html.j2")

    def lineage(self, store: Store, request: Request) -> str:
        """Where a model came from."""
        found = trace.trace(store, models.named(store, request.path_params["model"]))
        return self._render(
            "lineage.html.j2",
            store,
            found=found,
            shown=report_sections.of_trace(found),
            sections=sections.sections(found),
            versions=_versions(store),
        )

    def diff(self, store: Store, request: Request) -> str:
        """What changed between two models."""
        versions = _versions(store)
        before = request.query_params.get("before", "")
        after = request.query_params.get("after", "")
        changed: dict[str, list[diff.Change]] = {}
        if before and after:
            first, second = (
                trace.trace(store, models.named(store, wanted))
                for wanted in (before, after)
            )
            changed = diff.by_section(diff.diff(first, second))
        return self._render(
            "diff.html.j2",
            store,
            before=before,
            after=after,
            changed=changed,
            versions=versions,
        )

    def error(self, _: Request, error: Exception) -> Response:
        """What went wrong, in words."""
        if isinstance(error, LineageError):
            status, words = 404, str(error)
        elif isinstance(error, HTTPException):
            status, words = error.status_code, error.detail
        else:
            status, words = 500, f"{type(error).__name__}: {error}. Please report this."
        template = self._templates.get_template("error.html.j2")
        text = template.render(words=words, store=connection.shown(self._location))
        return HTMLResponse(text, status)

    def _render(self, template: str, store: Store, **shown: Any) -> str:
        found: jinja2.Template = self._templates.get_template(template)
        return found.render(store=store.name, **shown)

    def _endpoint(self, answer: Answer) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            # Opened anew: the run that is looked at may be going on.
            with self._lock:
                return HTMLResponse(answer(Store(self._location), request))

        return endpoint


def create(location: str, hosts: Sequence[str]) -> Starlette:
    """The application.

    A page elsewhere can make its own name point to this machine and so have a browser
    ask here (DNS rebinding); the name that is asked for tells.

    Args:
      location: Where the store is.
      hosts: Names that it may be asked for under, "*" for any.
    """
    pages = Pages(location)
    return Starlette(
        routes=pages.routes(),
        middleware=[
            Middleware(Headers),
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
        ],
        exception_handlers={
            LineageError: pages.error,
            HTTPException: pages.error,
            Exception: pages.error,
        },
    )


def _folder(location: str) -> list[str]:
    if connection.is_url(location):
        return []
    return [location if os.path.isdir(location) else os.path.dirname(location) or "."]


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise HTTPException(400, f"`skip` must be a number, received {text!r}.")
    return int(text)


def _versions(store: Store) -> list[str]:
    """The latest pushed versions, latest first."""
    named = (model.text(facts.PUSHED_VERSION) for model in models.pushed(store))
    return list(itertools.islice((version for version in named if version), _VERSIONS))
