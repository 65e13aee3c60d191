"""docs/android.md uses the names that the model has."""

from __future__ import annotations

import re
from pathlib import Path

from ondevice_rec.recommendation.export import assets, items, signatures


def test_the_snippet_matches_the_signature(project_root: Path) -> None:
    text = (project_root / "docs" / "android.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```kotlin\n(.*?)```", text, re.DOTALL)
    constants = dict(re.findall(r'const val (\w+) = "(\w+)"', snippet))
    assert constants == {
        "SIGNATURE": signatures.SERVING,
        "INPUT": "context_item",
        "IDS": signatures.IDS,
        "SCORES": signatures.SCORES,
    }
    read = set(re.findall(r'(?:lines|read)\("([^"]+)"\)', snippet))
    assert read == {items.VOCABULARY, assets.TITLES, assets.POPULAR}
    # As `[[id,events],...]` is written.
    (pattern,) = re.findall(r'Regex\("""(.*?)"""\)', snippet)
    assert re.findall(pattern, "[[50,583],[7,12]]\n") == ["50", "7"]
