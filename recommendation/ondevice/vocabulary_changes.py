"""What became of the keys since the version before: an app may have stored their ids.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Changes:
    """How one column's vocabulary differs from an earlier one.

    Attributes:
      kept: Number of keys with the same id.
      moved: Keys with another id: key -> the id before, the id now.
      gained: Keys that are new.
      lost: Keys that are no longer there.
    """

    kept: int
    moved: Mapping[str, tuple[int, int]]
    gained: Sequence[str]
    lost: Sequence[str]

    @property
    def counts(self) -> dict[str, int]:
        """How many keys were kept, moved, gained and lost."""
        return {
            "kept": self.kept,
            "moved": len(self.moved),
            "gained": len(self.gained),
            "lost": len(self.lost),
        }

    @property
    def lists(self) -> dict[str, Any]:
        """The keys that were moved, gained and lost."""
        return {
            "moved": {key: list(ids) for key, ids in self.moved.items()},
            "gained": list(self.gained),
            "lost": list(self.lost),
        }


def compare(before: Sequence[str], now: Sequence[str]) -> Changes:
    """Compares two vocabularies.

    Args:
      before: Keys by id; id 0 is no key.
      now: The same of the later one.
    """
    old = {key: id_ for id_, key in enumerate(before) if id_}
    new = {key: id_ for id_, key in enumerate(now) if id_}
    both = [key for key in new if key in old]
    return Changes(
        kept=sum(old[key] == new[key] for key in both),
        moved={key: (old[key], new[key]) for key in both if old[key] != new[key]},
        gained=[key for key in new if key not in old],
        lost=[key for key in old if key not in new],
    )
