"""Text trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Branch:
    """A line, and the lines below it."""

    label: str
    children: list[Branch] = field(default_factory=list)

    def add(self, label: str) -> Branch:
        """A new line below this one."""
        child = Branch(label)
        self.children.append(child)
        return child


def draw(root: Branch) -> str:
    """The tree, a line a branch; of any depth."""
    lines = [root.label]
    waiting = _below(root.children, "")
    while waiting:
        branch, indent, last = waiting.pop()
        lines.append(indent + ("└─ " if last else "├─ ") + branch.label)
        waiting += _below(branch.children, indent + ("   " if last else "│  "))
    return "\n".join(lines)


def _below(children: Sequence[Branch], indent: str) -> list[tuple[Branch, str, bool]]:
    """Branches with their indent and whether they are the last; the first one last."""
    final = len(children) - 1
    return [(child, indent, i == final) for i, child in enumerate(children)][::-1]
