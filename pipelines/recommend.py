"""The `recommend` command: items by title from a pushed model."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

from ondevice_rec.recommendation.ondevice import request, version_folder

if TYPE_CHECKING:
    from ondevice_rec.recommendation.recommender import RecommendedItem


def run(
    serving_dir: str,
    history: list[str],
    top: int | None,
    as_json: bool,
    exclude_seen: bool = False,
) -> int:
    """Prints what the latest version recommends after a history.

    Args:
      serving_dir: Folder that versions are pushed to, or one version folder.
      history: Item keys, oldest first.
      top: Number of items; left out: all the model gives.
      as_json: Prints one JSON object instead of a table.
      exclude_seen: Leaves out the items of the history.

    Returns:
      The exit status, 0.

    Raises:
      UserError: there is no version, a key is unknown, or `top` is out of range.
    """
    version = version_folder.open_version(serving_dir)
    count = request.checked_top_n(top, version.num_predictions)
    request.check_keys(version, history)

    # Only now: importing a runtime takes seconds.
    from ondevice_rec.recommendation.recommender import Recommender

    recommender = Recommender.from_version(version.path)
    start = time.perf_counter()
    found = recommender.recommend(history, count, exclude_seen)
    milliseconds = (time.perf_counter() - start) * 1e3
    text = (
        _json(version, history, found) if as_json else _table(version, history, found)
    )
    sys.stdout.write(text)
    if not as_json:
        sys.stdout.write(f"version {version.version}, {milliseconds:.2f} ms\n")
    return 0


def _json(
    version: version_folder.VersionFolder,
    history: list[str],
    found: list[RecommendedItem],
) -> str:
    answer = {
        "version": version.version,
        "history": [
            {"key": key, "title": version.items.titles[version.items.ids[key]]}
            for key in history
        ],
        "recommendations": [
            {"key": item.key, "title": item.title, "score": item.score}
            for item in found
        ],
    }
    return json.dumps(answer, indent=2, ensure_ascii=False) + "\n"


def _table(
    version: version_folder.VersionFolder,
    history: list[str],
    found: list[RecommendedItem],
) -> str:
    lines = ["After"]
    lines += [
        f"  {version.items.titles[version.items.ids[key]]}  [{key}]" for key in history
    ]
    lines += ["", "recommended", "  rank  score   title"]
    lines += [
        f"  {rank:>4}  {item.score:.4f}  {item.title}  [{item.key}]"
        for rank, item in enumerate(found, start=1)
    ]
    return "\n".join([*lines, "", ""])
