"""Artifacts, executions and what connects them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = str | int | float


@dataclass(frozen=True)
class ArtifactNode:
    """Something an execution wrote.

    Attributes:
      id: In ML Metadata.
      type: For instance "Model".
      uri: Folder of its files.
      properties: Its properties and custom properties by name; structured ones as
        JSON.
      created: Unix milliseconds.
      live: Whether the store counts it among what exists.
    """

    id: int
    type: str
    uri: str
    properties: Mapping[str, Value]
    created: int
    live: bool = True

    def text(self, name: str) -> str | None:
        """A property as text; None where it is not there."""
        value = self.properties.get(name)
        return None if value is None else str(value)

    def number(self, name: str) -> int | float | None:
        """A property that is a number, or is its digits: TFX writes spans so."""
        value = self.properties.get(name)
        if isinstance(value, str):
            return int(value) if value.isdecimal() else None
        return value


@dataclass(frozen=True)
class ExecutionNode:
    """A component at work.

    Attributes:
      id: In ML Metadata.
      type: The component's class, without its module.
      state: "complete", "cached", "failed", "running", "canceled", "new", "unknown".
      properties: What it was called with, by name.
      started: Unix milliseconds.
      ended: Unix milliseconds of its last change.
    """

    id: int
    type: str
    state: str
    properties: Mapping[str, Value]
    started: int
    ended: int


@dataclass(frozen=True)
class Event:
    """An artifact went into an execution, or came out of it.

    Attributes:
      artifact: Its id.
      execution: Its id.
      output: Whether it came out.
      key: The component's name for it, "" where there is none.
    """

    artifact: int
    execution: int
    output: bool
    key: str = ""


@dataclass(frozen=True)
class ContextNode:
    """A pipeline, one of its runs, or a node of it."""

    id: int
    type: str
    name: str
    created: int


@dataclass
class Graph:
    """Part of a store.

    Attributes:
      artifacts: By id.
      executions: By id.
      edges: Between them, in the order of discovery, each once.
    """

    artifacts: dict[int, ArtifactNode] = field(default_factory=dict)
    executions: dict[int, ExecutionNode] = field(default_factory=dict)
    edges: dict[Event, None] = field(default_factory=dict)

    def producers(self) -> dict[int, int]:
        """Artifact -> the execution that wrote it."""
        return {e.artifact: e.execution for e in self.edges if e.output}

    def inputs(self) -> dict[int, list[int]]:
        """Execution -> the artifacts it read, by id, each once."""
        found: dict[int, set[int]] = {}
        for event in self.edges:
            if not event.output:
                found.setdefault(event.execution, set()).add(event.artifact)
        return {execution: sorted(artifacts) for execution, artifacts in found.items()}

    def of_type(self, *types: str) -> list[ArtifactNode]:
        """Artifacts of some types, oldest first."""
        found = (a for a in self.artifacts.values() if a.type in types)
        return sorted(found, key=lambda artifact: artifact.id)
