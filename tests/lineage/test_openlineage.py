"""Events that OpenLineage's own client would have written."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import event_v2, facet_v2
from openlineage.client.serde import Serde

from ondevice_rec.lineage import models, trace
from ondevice_rec.lineage.render import openlineage
from ondevice_rec.lineage.store import Store

FACETS = {
    "parent": facet_v2.parent_run.ParentRunFacet,
    "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
    "executionParameters": (
        facet_v2.execution_parameters_run.ExecutionParametersRunFacet
    ),
    "tags": facet_v2.tags_run.TagsRunFacet,
    "jobType": facet_v2.job_type_job.JobTypeJobFacet,
    "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
    "outputStatistics": (
        facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
    ),
}
# What a facet is made of, where that is a class too.
PARTS = {
    "run": lambda found: facet_v2.parent_run.Run(**found),
    "job": lambda found: facet_v2.parent_run.Job(**found),
    "tags": lambda found: [facet_v2.tags_run.TagsRunFacetFields(**t) for t in found],
    "parameters": lambda found: [
        facet_v2.execution_parameters_run.ExecutionParameter(**p) for p in found
    ],
}


def facets(found: dict[str, Any]) -> dict[str, Any]:
    """Facets as the client's classes, which refuse fields they do not know."""
    return {name: facet(FACETS[name], content) for name, content in found.items()}


def facet(kind: Any, content: dict[str, Any]) -> Any:
    fields = {
        name: PARTS.get(name, lambda same: same)(value)
        for name, value in content.items()
        if not name.startswith("_")
    }
    return kind(producer=content["_producer"], **fields)


def dataset(kind: Any, found: dict[str, Any], **more: Any) -> Any:
    return kind(
        found["namespace"], found["name"], facets=facets(found["facets"]), **more
    )


def rebuilt(event: dict[str, Any]) -> dict[str, Any]:
    """The event, made and written by the client."""
    return Serde.to_dict(
        event_v2.RunEvent(
            eventType=event_v2.RunState[event["eventType"]],
            eventTime=event["eventTime"],
            run=event_v2.Run(event["run"]["runId"], facets(event["run"]["facets"])),
            job=event_v2.Job(
                event["job"]["namespace"],
                event["job"]["name"],
                facets(event["job"]["facets"]),
            ),
            inputs=[dataset(event_v2.InputDataset, each) for each in event["inputs"]],
            outputs=[
                dataset(
                    event_v2.OutputDataset,
                    each,
                    outputFacets=facets(each.get("outputFacets", {})),
                )
                for each in event["outputs"]
            ],
            producer=event["producer"],
        )
    )


def plain(found: Any) -> Any:
    """Without what may differ: empty values, and releases of the schemas."""
    if isinstance(found, dict):
        kept = {name: plain(value) for name, value in found.items()}
        return {name: value for name, value in kept.items() if value not in ({}, None)}
    if isinstance(found, list):
        return [plain(value) for value in found]
    if isinstance(found, str) and found.startswith("https://openlineage.io/spec"):
        return re.sub(r"/\d+-\d+-\d+/", "/", found)
    return found


@pytest.fixture
def events(writer: Any, root: Path) -> list[dict[str, Any]]:
    made = writer.run("run-1", span=1, version=11)
    rejected = writer.artifact("Examples", "gs://bucket/a/b", span=2, events=1800)
    writer.execution("ExampleGen", outputs={"examples": [rejected]})
    model = writer.artifact("Model")
    inputs = {"examples": [rejected], "base_model": [made["model"]]}
    writer.execution("Trainer", "run-2", inputs, {"model": [model]})
    pushed = writer.artifact("PushedModel", pushed=1, pushed_version="12")
    writer.execution("Pusher", "run-2", {"model": [model]}, {"pushed": [pushed]})
    store = Store(str(root))
    return openlineage.events(trace.trace(store, models.find(store)))


def test_the_client_writes_the_same(events: list[dict[str, Any]]) -> None:
    assert events
    for event in events:
        assert plain(event) == plain(rebuilt(event))


def test_every_execution_starts_and_ends(events: list[dict[str, Any]]) -> None:
    kinds: dict[str, list[str]] = {}
    for event in events:
        kinds.setdefault(event["run"]["runId"], []).append(event["eventType"])
        datetime.datetime.fromisoformat(event["eventTime"].replace("Z", "+00:00"))

    # Of the first run: two that read, Transform and Trainer; of the second: three.
    assert list(kinds.values()) == [["START", "COMPLETE"]] * 7


def test_data_is_named_as_openlineage_names_it(events: list[dict[str, Any]]) -> None:
    outputs = {
        (each["namespace"], each["name"]): each
        for event in events
        for each in event["outputs"]
    }

    remote = outputs["gs://bucket", "a/b"]
    assert remote["outputFacets"]["outputStatistics"]["rowCount"] == 1800
    assert ("file", "/gone") in outputs


def test_the_same_store_gives_the_same_events(
    events: list[dict[str, Any]], root: Path
) -> None:
    store = Store(str(root))

    assert openlineage.events(trace.trace(store, models.find(store))) == events
