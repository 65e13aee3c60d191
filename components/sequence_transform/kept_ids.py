"""A vocabulary in which the keys of an earlier one keep their ids."""

from __future__ import annotations

from collections.abc import Sequence


def merge(
    earlier: Sequence[str], kept: Sequence[str], cap: int | None = None
) -> list[str]:
    """Puts keys in the places they had, new ones where keys have gone, then at the end.

    A key that is gone stays in its place while no other needs it, so that those behind
    it keep theirs; at the end it is cut off.

    Args:
      earlier: The earlier vocabulary's keys by place (the id minus 1), unique.
      kept: Keys to be in the vocabulary, unique, most frequent first.
      cap: Most keys; at least as many as `kept`.

    Returns:
      Keys by place: all of `kept`, and those of `earlier` that hold a place open.
    """
    earlier = earlier[:cap]
    wanted = set(kept)
    places = [i for i, key in enumerate(earlier) if key in wanted]
    survivors = {earlier[i] for i in places}
    new = iter([key for key in kept if key not in survivors])
    size = max(len(kept), places[-1] + 1 if places else 0)
    found = []
    for place in range(size):
        key = earlier[place] if place < len(earlier) else None
        if key not in survivors:
            key = next(new, key)
        assert key is not None
        found.append(key)
    return found
