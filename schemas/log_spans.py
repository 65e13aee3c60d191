"""Spans and versions of a log: which there are, and which of them a run reads.

Standard library only, as `log_files`.
"""

from __future__ import annotations

import dataclasses
import datetime
import glob
import os
import re
from collections.abc import Callable, Sequence
from typing import BinaryIO

from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.log_files import IngestionError, check_file
from ondevice_rec.schemas.pipeline_config_pb2 import ActivityLog, Window

# In the folder of a span that is complete, as Hadoop and Spark write it.
SUCCESS = "_SUCCESS"

_SPAN = re.compile(r"\{SPAN(?::(\d+))?\}")
_VERSION = re.compile(r"\{VERSION(?::(\d+))?\}")
_DATE = {"{YYYY}": r"(?P<year>\d{4})", "{MM}": r"(?P<month>\d\d)",
         "{DD}": r"(?P<day>\d\d)"}  # fmt: skip
_EPOCH = datetime.date(1970, 1, 1).toordinal()
_SHOWN = 20

Glob = Callable[[str], Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Span:
    """A span of the log, in one version.

    Attributes:
      number: The span; of a date, the days since 1970-01-01.
      version: None where the path has no `{VERSION}`.
      places: What the path's part up to the last placeholder matched, by name: folders,
        or files.
    """

    number: int
    version: int | None
    places: tuple[str, ...]

    def __str__(self) -> str:
        version = "" if self.version is None else f" version {self.version}"
        return f"span {self.number}{version}"

    def patterns(self, path: str) -> list[str]:
        """Patterns of its files, `path` being the log's."""
        below = _divided(path)[1]
        places = map(_escaped, self.places)
        return [f"{place}/{below}" if below else place for place in places]


def has_spans(path: str) -> bool:
    """Whether a log's path stands for spans."""
    return bool(_SPAN.search(path)) or any(token in path for token in _DATE)


def check(path: str, window: Window | None) -> None:
    """Checks a log's placeholders and its window.

    Raises:
      UserError: they are impossible.
    """
    spans, versions = len(_SPAN.findall(path)), len(_VERSION.findall(path))
    dates = [path.count(token) for token in _DATE]
    if spans > 1 or versions > 1 or (any(dates) and dates != [1, 1, 1]):
        raise UserError(
            f"`log.path` {path} must have each of {{SPAN}} or {{YYYY}}, {{MM}} and "
            "{DD}, and {VERSION}, once."
        )
    if spans and any(dates):
        raise UserError(
            f"`log.path` {path} has {{SPAN}} and a date, which is a span too. Write a "
            "* for one of them."
        )
    if versions and not has_spans(path):
        raise UserError(
            f"`log.path` {path} has {{VERSION}} but no {{SPAN}}: of what is it a "
            "version? Add {SPAN}, or write a *."
        )
    if window is None:
        return
    if not has_spans(path):
        raise UserError(
            f"`log.window` needs spans, and `log.path` {path} has none. Put {{SPAN}}, "
            "or {YYYY}, {MM} and {DD}, into it."
        )
    if window.HasField("spans") and window.spans < 1:
        raise UserError(f"`log.window.spans` must be >= 1, received {window.spans}.")
    if window.success_file and not _divided(path)[1] and "." in _last(path):
        raise UserError(
            f"`log.window.success_file` needs a folder for every span, and `log.path` "
            f"{path} names files. Use one such as span-{{SPAN}}/*.csv."
        )


def find(path: str, window: Window, find_paths: Glob = glob.glob) -> list[Span]:
    """The spans there are, ascending, each in its highest version.

    Args:
      path: The log's.
      window: Leaves spans out; with `success_file` those that are not complete, and
        versions that are not.
      find_paths: Lists the paths that match a pattern.
    """
    above = _divided(path)[0]
    expression = re.compile(_expression(above))
    found: dict[int, dict[int | None, list[str]]] = {}
    for place in sorted(find_paths(_wild(above))):
        match = expression.fullmatch(place.rstrip("/"))
        number = _number(match.groupdict()) if match else None
        if match is None or number is None or number in window.exclude:
            continue
        if window.success_file and not find_paths(_escaped(place) + "/" + SUCCESS):
            continue
        version = match.groupdict().get("version")
        known = found.setdefault(number, {})
        known.setdefault(None if version is None else int(version), []).append(
            place.rstrip("/")
        )
    spans = []
    for number, versions in sorted(found.items()):
        latest = max(versions, key=lambda version: -1 if version is None else version)
        spans.append(Span(number, latest, tuple(versions[latest])))
    return spans


def choose(
    path: str, found: Sequence[Span], first: int | None, last: int | None, most: int
) -> list[Span]:
    """The spans of a window.

    Args:
      path: The log's, for the error's words.
      found: All spans, ascending.
      first: No earlier ones; None: any.
      last: The last one; None: the latest there is.
      most: Width of the window; 0: no limit.

    Raises:
      IngestionError: there is none, or not the last one.
    """
    numbers = [span.number for span in found]
    shown = ", ".join(map(str, numbers[-_SHOWN:]))
    if last is not None and last not in numbers:
        raise IngestionError(
            f"`log.path` {path} matches no span {last}. "
            + (f"There are: {shown}." if numbers else "It matches none at all.")
            + " Wait until it has arrived, or ask for another one."
        )
    if not numbers:
        raise IngestionError(
            f"`log.path` {path} matches no span"
            + _beside(path)
            + " Correct `log.path`, or wait for the first span"
            + " (with `log.window.success_file`, for its _SUCCESS)."
        )
    end = numbers[-1] if last is None else last
    start = end - most + 1 if most else numbers[0]
    if first is not None:
        start = max(start, first)
    return [span for span in found if start <= span.number <= end]


@dataclasses.dataclass(frozen=True)
class Usable:
    """What can be read of a window.

    Attributes:
      files: Paths by span, the newest span last.
      left_out: Spans that cannot be read, in words, and why not.
    """

    files: dict[Span, list[str]]
    left_out: dict[str, str]


def usable(
    log: ActivityLog,
    needed: Sequence[str],
    spans: Sequence[Span],
    find_files: Callable[[str], list[str]],
    open_binary: Callable[[str], BinaryIO],
) -> Usable:
    """Checks the files of a window.

    The newest span must be usable. An older one was refused on its own day; as its
    successors are not to fail of it too, it is left out.

    Args:
      log: What the columns mean.
      needed: Columns that are read.
      spans: The window's, ascending.
      find_files: Lists the files of a pattern, sorted; raises IngestionError for none.
      open_binary: Opens a file.

    Raises:
      IngestionError: the newest span has no file, or one that cannot be used.
    """
    files: dict[Span, list[str]] = {}
    left_out = {}
    for span in spans:
        try:
            found = [f for p in span.patterns(log.path) for f in find_files(p)]
            for name in found:
                check_file(name, log, needed, open_binary)
            files[span] = found
        except IngestionError as error:
            if span is spans[-1]:
                raise IngestionError(f"{span} cannot be used: {error}") from error
            left_out[str(span)] = str(error)
    return Usable(files, left_out)


def moved(path: str, folder: str) -> str:
    """The log's path with the spans looked for in another folder."""
    parts = path.split("/")
    first = next(i for i, part in enumerate(parts) if re.search(r"[*?\[{]", part))
    return "/".join([folder.rstrip("/") or "/", *parts[first:]])


def _divided(path: str) -> tuple[str, str]:
    """The path up to the last component with a placeholder, and the rest."""
    parts = path.rstrip("/").split("/")
    last = max(
        i for i, part in enumerate(parts) if has_spans(part) or _VERSION.search(part)
    )
    return "/".join(parts[: last + 1]), "/".join(parts[last + 1 :])


def _last(path: str) -> str:
    return path.rstrip("/").rsplit("/", 1)[-1]


def _wild(path: str) -> str:
    found = _VERSION.sub("*", _SPAN.sub("*", path))
    for token in _DATE:
        found = found.replace(token, "*")
    return found


def _expression(path: str) -> str:
    """What `_wild` matches, the numbers captured."""
    found = ""
    # Split at what is not to be taken literally.
    for piece in re.split(r"(\{[A-Z]+(?::\d+)?\}|\*+|\?)", path):
        span, version = _SPAN.fullmatch(piece), _VERSION.fullmatch(piece)
        if span or version:
            match = span or version
            assert match is not None
            digits = r"\d+" if match[1] is None else rf"\d{{{int(match[1])}}}"
            found += f"(?P<{'span' if span else 'version'}>{digits})"
        elif piece in _DATE:
            found += _DATE[piece]
        elif piece.startswith("*"):
            found += "[^/]*"
        elif piece == "?":
            found += "[^/]"
        else:
            found += re.escape(piece)
    return found


def _number(matched: dict[str, str]) -> int | None:
    """The span's number; None for what is no date."""
    if "span" in matched:
        return int(matched["span"])
    try:
        day = datetime.date(*(int(matched[name]) for name in ("year", "month", "day")))
    except ValueError:
        return None
    return day.toordinal() - _EPOCH


def _escaped(place: str) -> str:
    return place if "://" in place else glob.escape(place.rstrip("/"))


def _beside(path: str) -> str:
    """What lies where spans were expected, in words."""
    if "://" in path:
        return "."
    folder = _divided(path)[0]
    while folder and not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    names = sorted(os.listdir(folder or "."))
    shown = ", ".join(names[:10]) + (", ..." if names[10:] else "")
    return f": in {folder or '.'} there " + (f"is {shown}." if names else "is nothing.")
