"""Executions as OpenLineage run events (https://openlineage.io/docs/spec).

Only the core and its official facets, in the versions named here.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import uuid
from typing import Any
from urllib.parse import urlsplit

from ondevice_rec.lineage import connection, facts
from ondevice_rec.lineage.graph import ArtifactNode
from ondevice_rec.lineage.trace import Step, Trace

_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_NAMESPACE = "tfx"
# What ends a run, by the execution's state; what has not ended is running.
_ENDS = {
    "complete": "COMPLETE",
    "cached": "COMPLETE",
    "failed": "FAIL",
    "canceled": "ABORT",
}


def events(trace: Trace) -> list[dict[str, Any]]:
    """Two events for each execution: its start, and what became of it.

    Run ids are UUIDs of version 5 made from pipeline, run and execution: the same
    store gives the same events.
    """
    return [event for step in trace.steps for event in _events(step, trace)]


def _events(step: Step, trace: Trace) -> list[dict[str, Any]]:
    edges = [e for e in trace.graph.edges if e.execution == step.execution]
    artifacts = trace.graph.artifacts
    inputs = [artifacts[i] for i in sorted({e.artifact for e in edges if not e.output})]
    outputs = [artifacts[i] for i in sorted({e.artifact for e in edges if e.output})]
    end = _ENDS.get(step.state, "RUNNING")
    common = {
        "producer": _producer(),
        "schemaURL": _EVENT,
        "run": {"runId": _run_id(step), "facets": _run_facets(step)},
        "job": {
            "namespace": _NAMESPACE,
            "name": f"{step.pipeline}.{step.node}",
            "facets": {
                "jobType": _facet(
                    "2-0-4/JobTypeJobFacet",
                    processingType="BATCH",
                    integration="TFX",
                    jobType="NODE",
                )
            },
        },
        "inputs": [_dataset(artifact) for artifact in inputs],
    }
    start = {"eventType": "START", "eventTime": _time(step.started), "outputs": []}
    ended = {
        "eventType": end,
        "eventTime": _time(step.ended),
        "outputs": [_output(artifact) for artifact in outputs],
    }
    return [common | start, common | ended]


def _run_facets(step: Step) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if step.run:
        found["parent"] = _facet(
            "1-2-0/ParentRunFacet",
            run={"runId": _uuid(step.pipeline, step.run)},
            job={"namespace": _NAMESPACE, "name": step.pipeline},
        )
    if step.tfx_version:
        found["processing_engine"] = _facet(
            "1-1-1/ProcessingEngineRunFacet", version=step.tfx_version, name="TFX"
        )
    if step.parameters:
        found["executionParameters"] = _facet(
            "1-0-0/ExecutionParametersRunFacet",
            parameters=[
                {"key": name, "value": str(value)}
                for name, value in step.parameters.items()
            ],
        )
    tags = {
        facts.PACKAGE_VERSION: step.package_version,
        facts.GIT_COMMIT: step.git_commit,
        facts.USER: step.user,
        facts.HOST: step.host,
    }
    known = [
        {"key": name, "value": value, "source": "ondevice-rec"}
        for name, value in tags.items()
        if value is not None
    ]
    if known:
        found["tags"] = _facet("1-0-0/TagsRunFacet", tags=known)
    return found


def _dataset(artifact: ArtifactNode) -> dict[str, Any]:
    # OpenLineage's naming: scheme and authority, then the path.
    if connection.is_url(artifact.uri):
        url = urlsplit(artifact.uri)
        namespace, name = f"{url.scheme}://{url.netloc}", url.path.lstrip("/")
    else:
        namespace, name = "file", artifact.uri
    version = artifact.text(facts.CONTENT_SHA256) or str(artifact.id)
    return {
        "namespace": namespace,
        "name": name,
        "facets": {
            "version": _facet(
                "1-0-1/DatasetVersionDatasetFacet", datasetVersion=version
            )
        },
    }


def _output(artifact: ArtifactNode) -> dict[str, Any]:
    dataset = _dataset(artifact)
    rows = artifact.number(facts.EVENTS)
    if rows is not None:
        statistics = _facet("1-0-2/OutputStatisticsOutputDatasetFacet", rowCount=rows)
        dataset["outputFacets"] = {"outputStatistics": statistics}
    return dataset


def _facet(version_and_kind: str, **fields: Any) -> dict[str, Any]:
    kind = version_and_kind.split("/")[-1]
    schema = f"{_SPEC}/facets/{version_and_kind}.json#/$defs/{kind}"
    return {"_producer": _producer(), "_schemaURL": schema, **fields}


def _producer() -> str:
    version = importlib.metadata.version("ondevice-rec")
    # A package URL (https://github.com/package-url/purl-spec).
    return f"pkg:pypi/ondevice-rec@{version}"


def _run_id(step: Step) -> str:
    return _uuid(step.pipeline, step.run, str(step.execution))


def _uuid(*parts: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "tfx:" + "/".join(parts)))


def _time(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    when = datetime.datetime.fromtimestamp(seconds, tz=datetime.timezone.utc)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"
