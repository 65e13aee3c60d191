"""Recommendations by title."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ondevice_rec.lineage import tfx_names
from ondevice_rec.pipelines.report.files import Files
from ondevice_rec.pipelines.report.missing import Missing
from ondevice_rec.pipelines.report.run_record import RunRecord

CATALOGUE = "ondevice_rec.ItemCatalogue"
_UNKNOWN = "an item the model does not know"


@dataclass(frozen=True)
class Example:
    """A user's history, what came next, and what the model recommends.

    Attributes:
      history: Titles of the latest items, oldest first.
      earlier: How many items came before those.
      next: Title of what came next.
      rank: The model's rank of it; None where it does not know it.
      recommended: Titles, best first, and whether it is what came next.
    """

    history: Sequence[str]
    earlier: int
    next: str
    rank: int | None
    recommended: Sequence[tuple[str, bool]]


@dataclass(frozen=True)
class Examples:
    """Some of them.

    Attributes:
      examples: Those.
      untitled: Why keys stand in place of titles, in words; "" where they do not.
    """

    examples: Sequence[Example]
    untitled: str


def collect(record: RunRecord, files: Files) -> Examples:
    """Reads the evaluation's examples, and titles from the catalogue.

    Raises:
      Missing: there are none.
    """
    artifact = record.artifact(tfx_names.EVALUATION)
    found = files.json(artifact, "examples.json")
    try:
        titles = _titles(record, files)
        untitled = "" if titles else "The catalogue gives no titles: these are keys."
    except Missing as error:
        titles, untitled = {}, f"{error} These are keys."
    try:
        return Examples([_example(e, titles) for e in found["examples"]], untitled)
    except (KeyError, TypeError, ValueError) as error:
        raise Missing(
            f"{artifact.uri}/examples.json was written by other software: {error!r}."
        ) from error


def _titles(record: RunRecord, files: Files) -> dict[str, str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def parse(content: bytes) -> dict[str, str]:
        table = pq.read_table(pa.BufferReader(content), columns=["item", "title"])
        named = zip(table["item"].to_pylist(), table["title"].to_pylist(), strict=True)
        return {key: title for key, title in named if title}

    return files.read(record.artifact(CATALOGUE), parse, "items.parquet")


def _example(found: Mapping[str, Any], titles: Mapping[str, str]) -> Example:
    def title(key: str | None) -> str:
        return _UNKNOWN if key is None else titles.get(key, key)

    history = [title(key) for key in found["history"]]
    return Example(
        history=history,
        earlier=max(0, int(found["history_length"]) - len(history)),
        next=title(found["next"]),
        rank=None if found["rank"] is None else int(found["rank"]),
        recommended=[
            (title(key), key == found["next"]) for key in found["recommended"]
        ],
    )
