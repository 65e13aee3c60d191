"""The items a model knows: keys, titles, and the two files that hold them.

Standard library only, so that it answers at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

# Names of the files.
VOCABULARY = "vocab.txt"
LABELS = "labels.tsv"

# Line of id 0 in a vocabulary file.
OOV_KEY = "[OOV]"

_HEADER = "id\tkey\ttitle"


@dataclass(frozen=True)
class Items:
    """The items by id.

    Attributes:
      keys: Keys in the activity log; id 0 is no item.
      titles: What to show; the key where there is no title.
    """

    keys: Sequence[str]
    titles: Sequence[str]

    @classmethod
    def titled(cls, keys: Sequence[str], titles: Mapping[str, str]) -> Items:
        """Items with the titles that are known, by key."""
        return cls(keys, [titles.get(key) or key for key in keys])

    @classmethod
    def parse(cls, vocabulary: str, labels: str) -> Items:
        """Reads what `vocabulary` and `labels` wrote."""
        keys = parse_keys(vocabulary)
        titles = list(keys)
        for line in labels.split("\n")[1:-1]:
            number, _, rest = line.partition("\t")
            id_ = int(number)
            # A key may hold a tab; the vocabulary says where it ends.
            titles[id_] = rest[len(keys[id_]) + 1 :]
        return cls(keys, titles)

    @cached_property
    def ids(self) -> dict[str, int]:
        """The items' ids by key."""
        return {key: id_ for id_, key in enumerate(self.keys) if id_}

    def title(self, key: str) -> str:
        """What to show for a known key."""
        return self.titles[self.ids[key]]

    @property
    def vocabulary(self) -> str:
        """Content of `vocab.txt`: line i is the key of id i."""
        return keys_text(self.keys)

    @property
    def labels(self) -> str:
        """Content of `labels.tsv`: the lines `id key title` of all items.

        A line is a line: tabs and line ends in a title become spaces.
        """
        lines = [_HEADER]
        for id_ in range(1, len(self.keys)):
            lines.append(f"{id_}\t{self.keys[id_]}\t{_line(self.titles[id_])}")
        return "\n".join(lines) + "\n"

    @property
    def title_lines(self) -> str:
        """Content of `titles.txt`: line i is the title of id i, as in the labels."""
        return keys_text([_line(title) for title in self.titles])


def _line(title: str) -> str:
    for character in "\t\r\n":
        title = title.replace(character, " ")
    return title


def keys_text(keys: Sequence[str]) -> str:
    """Content of a vocabulary file: a line for each key."""
    return "".join(f"{key}\n" for key in keys)


def parse_keys(text: str) -> list[str]:
    """The keys of a vocabulary file; a line ends with a line feed, and only that."""
    return text.split("\n")[:-1]
