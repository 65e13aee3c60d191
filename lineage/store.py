"""A store of ML Metadata, opened to be read and nothing else."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf import json_format
from ml_metadata import errors as mlmd_errors
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as pb
from ml_metadata.proto import metadata_store_service_pb2 as service

from ondevice_rec.lineage import connection, store_errors
from ondevice_rec.lineage.graph import (
    ArtifactNode,
    ContextNode,
    Event,
    ExecutionNode,
    Value,
)

# ML Metadata's own largest page.
_PAGE = 100
_PAGES = 5
# Ids in one query, below every database's limit.
_IDS = 1000
_OUTPUTS = (pb.Event.OUTPUT, pb.Event.DECLARED_OUTPUT)
_INPUTS = (pb.Event.INPUT, pb.Event.DECLARED_INPUT)


class Store:
    """Reads artifacts, executions, events and contexts by id and by type.

    Only what every database and every release of ML Metadata answers is asked: no
    `filter_query`, no `get_lineage_subgraph`.
    """

    def __init__(self, location: str) -> None:
        """Opens a store.

        Args:
          location: A run's folder, a SQLite file, or a database's URL (see
            `connection`).

        Raises:
          LineageError: it is not there, is no store, is locked, or has a schema that
            the installed ML Metadata does not read. Nothing is made or migrated.
        """
        self.location = location
        self.name = connection.shown(location)
        config = connection.parse(location)
        with self._errors(), _read_only_session():
            self._store = metadata_store.MetadataStore(config)

    def artifacts(self, ids: Iterable[int]) -> list[ArtifactNode]:
        """Artifacts by id; ids the store does not know are left out."""
        return [
            _artifact(found)
            for part in _parts(ids)
            for found in self._ask(self._store.get_artifacts_by_id, part)
        ]

    def executions(self, ids: Iterable[int]) -> list[ExecutionNode]:
        """Executions by id; ids the store does not know are left out."""
        return [
            _execution(found)
            for part in _parts(ids)
            for found in self._ask(self._store.get_executions_by_id, part)
        ]

    def writers(self, artifacts: Iterable[int]) -> dict[int, Event]:
        """Artifact -> the event by which it was written.

        What was taken from the cache came out of several executions; the first one
        wrote it.
        """
        found: dict[int, pb.Event] = {}
        for part in _parts(artifacts):
            for event in self._ask(self._store.get_events_by_artifact_ids, part):
                if event.type not in _OUTPUTS:
                    continue
                known = found.setdefault(event.artifact_id, event)
                if event.execution_id < known.execution_id:
                    found[event.artifact_id] = event
        return {event.artifact: event for event in _events(found.values())}

    def readers(self, artifacts: Iterable[int]) -> list[Event]:
        """The events by which artifacts were read."""
        return [
            event
            for part in _parts(artifacts)
            for event in _events(
                self._ask(self._store.get_events_by_artifact_ids, part)
            )
            if not event.output
        ]

    def events_of_executions(self, ids: Iterable[int]) -> Iterator[Event]:
        """What went into these executions and came out of them."""
        for part in _parts(ids):
            yield from _events(self._ask(self._store.get_events_by_execution_ids, part))

    def latest_artifact(self) -> int:
        """The largest id of an artifact; 0 where there is none."""
        return self._latest(self._store.get_artifacts)

    def latest_execution(self) -> int:
        """The largest id of an execution; 0 where there is none."""
        return self._latest(self._store.get_executions)

    def executions_of(self, context: ContextNode) -> list[ExecutionNode]:
        """A context's executions, in the order they began."""
        found = self._ask(self._store.get_executions_by_context, context.id)
        return sorted(map(_execution, found), key=lambda execution: execution.id)

    def contexts_of(self, execution: int) -> list[ContextNode]:
        """The contexts an execution belongs to."""
        found = self._ask(self._store.get_contexts_by_execution, execution)
        return [_context(context) for context in found]

    def artifacts_of_type(self, name: str, *facts: str) -> Iterator[ArtifactNode]:
        """Artifacts of a type, newest first: the first ones by page, then the rest.

        The database sorts the whole type for every page, so that reading thousands by
        page takes four times as long as at once.

        Args:
          name: The type.
          *facts: The only properties to read; none: all of them, which takes longer.
        """
        request = service.GetArtifactsByTypeRequest(type_name=name)
        response = service.GetArtifactsByTypeResponse
        pages = self._pages("GetArtifactsByType", request, response)
        oldest = None
        for page in itertools.islice(pages, _PAGES):
            for found in page.artifacts:
                oldest = found.id
                yield _artifact(found, facts)
        if oldest is None or not request.options.next_page_token:
            return
        rest = self._ask(self._store.get_artifacts_by_type, name)
        for found in sorted(rest, key=lambda artifact: -artifact.id):
            if found.id < oldest:
                yield _artifact(found, facts)

    def all_artifacts(self) -> Iterator[ArtifactNode]:
        """Every artifact, newest first, a page at a time."""
        request = service.GetArtifactsRequest()
        for page in self._pages("GetArtifacts", request, service.GetArtifactsResponse):
            yield from map(_artifact, page.artifacts)

    def contexts_of_type(self, name: str) -> Iterator[ContextNode]:
        """Contexts of a type, newest first, a page at a time."""
        request = service.GetContextsByTypeRequest(type_name=name)
        response = service.GetContextsByTypeResponse
        for page in self._pages("GetContextsByType", request, response):
            yield from map(_context, page.contexts)

    def context(self, kind: str, name: str) -> ContextNode | None:
        """The context of a type and a name; None where there is none."""
        found = self._ask(self._store.get_context_by_type_and_name, kind, name)
        return None if found is None else _context(found)

    def _latest(self, method: Any) -> int:
        options = metadata_store.ListOptions(
            limit=1, order_by=metadata_store.OrderByField.ID, is_asc=False
        )
        return next((found.id for found in self._ask(method, options)), 0)

    def _pages(self, method: str, request: Any, response_class: Any) -> Iterator[Any]:
        # The public methods read every page before they return.
        order = request.options.order_by_field
        request.options.max_result_size = _PAGE
        order.field, order.is_asc = order.ID, False
        while True:
            response = response_class()
            self._ask(self._store._call, method, request, response)
            request.options.next_page_token = response.next_page_token
            yield response
            if not response.next_page_token:
                return

    def _ask(self, method: Any, *arguments: Any) -> Any:
        with self._errors():
            return method(*arguments)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Says in words what the library says in its own."""
        try:
            yield
        except (RuntimeError, mlmd_errors.StatusError) as error:
            raise store_errors.explain(self.name, error) from error


@contextlib.contextmanager
def _read_only_session() -> Iterator[None]:
    """PostgreSQL's sessions begun meanwhile refuse to write."""
    before = os.environ.get("PGOPTIONS")
    os.environ["PGOPTIONS"] = f"{before or ''} -c default_transaction_read_only=on"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PGOPTIONS"]
        else:
            os.environ["PGOPTIONS"] = before


def _parts(ids: Iterable[int]) -> Iterator[Sequence[int]]:
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), _IDS):
        yield wanted[start : start + _IDS]


def _artifact(found: pb.Artifact, facts: Sequence[str] = ()) -> ArtifactNode:
    return ArtifactNode(
        id=found.id,
        type=found.type,
        uri=found.uri,
        properties=_properties(found, facts),
        created=found.create_time_since_epoch,
        live=found.state in (pb.Artifact.LIVE, pb.Artifact.UNKNOWN),
    )


def _execution(found: pb.Execution) -> ExecutionNode:
    return ExecutionNode(
        id=found.id,
        type=found.type.rsplit(".", 1)[-1],
        state=pb.Execution.State.Name(found.last_known_state).lower(),
        properties=_properties(found),
        started=found.create_time_since_epoch,
        ended=found.last_update_time_since_epoch,
    )


def _context(found: pb.Context) -> ContextNode:
    return ContextNode(found.id, found.type, found.name, found.create_time_since_epoch)


def _events(found: Iterable[pb.Event]) -> Iterator[Event]:
    """Inputs and outputs; what only resolvers and drivers handled is left out."""
    for event in found:
        if event.type in _OUTPUTS or event.type in _INPUTS:
            steps = event.path.steps
            key = steps[0].key if steps else ""
            yield Event(
                event.artifact_id, event.execution_id, event.type in _OUTPUTS, key
            )


def _properties(
    found: pb.Artifact | pb.Execution, facts: Sequence[str] = ()
) -> dict[str, Value]:
    return {
        name: _value(properties[name])
        for properties in (found.properties, found.custom_properties)
        for name in (facts or sorted(properties))
        if name in properties
    }


def _value(value: pb.Value) -> Value:
    kind = value.WhichOneof("value")
    if kind == "int_value":
        return int(value.int_value)
    if kind == "double_value":
        return float(value.double_value)
    if kind == "bool_value":
        return int(value.bool_value)
    if kind == "string_value":
        return str(value.string_value)
    return json.dumps(json_format.MessageToDict(value), sort_keys=True)
