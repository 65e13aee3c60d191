"""Checks what is asked of a version, before anything slow is imported."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ondevice_rec.recommendation.export.items import Items
from ondevice_rec.recommendation.ondevice.version_folder import VersionFolder
from ondevice_rec.schemas.errors import UserError

MAX_SUGGESTIONS = 3
# Comparing a word with this many titles takes about 0.2 s.
_MAX_COMPARED = 20_000


def checked_top_n(top_n: int | None, num_predictions: int) -> int:
    """The number of items to return: `num_predictions` unless another is wanted.

    Raises:
      UserError: it is not between 1 and `num_predictions`.
    """
    if top_n is None:
        return num_predictions
    if not 1 <= top_n <= num_predictions:
        raise UserError(
            f"`top` must be between 1 and {num_predictions}, the number of items this "
            f"model recommends, received {top_n}. For more, set "
            "`hparams.num_predictions` and train again."
        )
    return top_n


def check_keys(version: VersionFolder, history: Sequence[str]) -> None:
    """Makes sure that the version knows every key of a history typed by a person.

    Raises:
      UserError: the history is empty, or some keys are unknown; close keys and titles
        are suggested.
    """
    if not history:
        raise UserError(
            "`history` must hold at least one key, received none. Pass the keys of "
            "the items the user acted on, oldest first, separated by commas."
        )
    unknown = [key for key in history if key not in version.items.ids]
    if unknown:
        lines = [_unknown_key(version, key) for key in unknown]
        raise UserError(
            "\n".join(lines) + f"\nKeys and titles stand in {version.path}/labels.tsv."
        )


def _unknown_key(version: VersionFolder, key: str) -> str:
    items = version.items
    close = [
        f"{items.keys[id_]} ({items.titles[id_]})"
        if items.titles[id_] != items.keys[id_]
        else items.keys[id_]
        for id_ in close_ids(items, key)
    ]
    suggestion = f" Did you mean {', '.join(close)}?" if close else ""
    return f"Version {version.version} knows no item {key!r}.{suggestion}"


def close_ids(items: Items, text: str) -> list[int]:
    """Ids of items whose title or key holds a text or resembles it, best first."""
    wanted = text.strip().casefold()
    if not wanted:
        return []
    titles = [title.casefold() for title in items.titles]
    keys = [key.casefold() for key in items.keys]
    ids = range(1, len(keys))
    found = [id_ for id_ in ids if wanted in (keys[id_], titles[id_])]
    found += [id_ for id_ in ids if titles[id_].startswith(wanted)]
    # Within a number another number is a coincidence.
    if not wanted.isdecimal():
        found += [id_ for id_ in ids if wanted in titles[id_] or wanted in keys[id_]]
    if not found and len(keys) <= _MAX_COMPARED:
        by_name = {
            name: id_ for names in (titles, keys) for id_, name in enumerate(names)
        }
        close = difflib.get_close_matches(wanted, list(by_name), MAX_SUGGESTIONS)
        found = [by_name[name] for name in close if by_name[name]]
    return list(dict.fromkeys(found))[:MAX_SUGGESTIONS]
