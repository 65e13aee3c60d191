"""What is compiled for Kubeflow Pipelines and for Vertex AI Pipelines."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.auth import credentials
from google.cloud import aiplatform
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils

from ondevice_rec.components import artifacts
from ondevice_rec.pipelines import (
    cli,
    kubeflow_compiler,
    kubeflow_spec,
    load_config,
    pipeline,
)
from ondevice_rec.pipelines.kubeflow import artifact_types
from ondevice_rec.pipelines.kubeflow_settings import Resources, Settings
from ondevice_rec.schemas.errors import UserError

IMAGE = "registry.example.org/team/ondevice-rec:1"
LOAD = """
import json, sys
from kfp import components
loaded = components.load_component_from_file(sys.argv[1])
print(json.dumps({
    "tasks": sorted(loaded.pipeline_spec.root.dag.tasks),
    "version": loaded.pipeline_spec.schema_version,
    "mounted": sorted(
        loaded.platform_spec.platforms["kubernetes"].deployment_spec.executors
    ),
}))
"""


@pytest.fixture(scope="module")
def remote(data: Path) -> Any:
    """The configuration, with a log in gs://, and a search for settings."""
    text = (data / "config.yaml").read_text().replace(str(data), "gs://bucket/data")
    path = data / "remote.yaml"
    path.write_text(text + "tuning: {minutes: 1}\n")
    return load_config.load(str(path))


@pytest.fixture(scope="module")
def nodes(remote: Any) -> dict[str, Any]:
    """The nodes that a run on this machine has, by name, without its resolvers."""
    built = pipeline.create_pipeline(remote, "gs://bucket/walks", "gs://unused")
    return {node.id: node for node in built.components if hasattr(node, "spec")}


@pytest.fixture(scope="module")
def on_vertex() -> Settings:
    return Settings(
        "gs://bucket/walks",
        IMAGE,
        retries=4,
        images={"RecommendationTrainer": "registry.example.org/gpu:2"},
        resources={"RecommendationTrainer": Resources(8, 32)},
    )


@pytest.fixture(scope="module")
def job(remote: Any, on_vertex: Settings) -> dict[str, Any]:
    return kubeflow_compiler.vertex_job(remote, on_vertex)


def test_kubeflow_pipelines_sdk_takes_it(
    nodes: dict[str, Any],
    data: Path,
    kfp_python: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["compile", str(data / "config.yaml"), "--target", "kubeflow"]
    asked += ["-o", str(tmp_path), "--root", "minio://bucket/walks", "--image", IMAGE]
    assert cli.main([*asked, "--volume", f"data={data}"]) == 0
    told = capsys.readouterr().out
    assert "nothing for Vertex AI: its --root must be in gs://" in told
    assert [path.name for path in tmp_path.iterdir()] == ["pipeline.yaml"]
    # Written out, not by YAML's anchors, which not every reader knows.
    assert "&id" not in (tmp_path / "pipeline.yaml").read_text()
    loaded = subprocess.run(
        [kfp_python, "-W", "ignore", "-c", LOAD, tmp_path / "pipeline.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    found = json.loads(loaded.stdout)
    assert set(found["tasks"]) == set(nodes) - {"Tuner"} | {"ServedModel"}
    assert found["version"] == "2.1.0"
    assert found["mounted"] == sorted(f"{name}_executor" for name in found["tasks"])


def test_vertex_client_takes_it(job: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "pipeline.json"
    path.write_text(json.dumps(job))
    aiplatform.init(
        project="project",
        location="europe-west1",
        credentials=credentials.AnonymousCredentials(),
    )
    loaded = aiplatform.PipelineJob("walks", str(path))
    request = loaded._gca_resource
    assert request.runtime_config.gcs_output_directory == "gs://bucket/walks"
    assert request.pipeline_spec["schemaVersion"] == "2.1.0"


def test_both_are_written_where_both_can_be(
    nodes: dict[str, Any], remote: Any, on_vertex: Settings, tmp_path: Path
) -> None:
    kubeflow_compiler.write(remote, str(tmp_path), on_vertex)
    (first,) = yaml.safe_load_all((tmp_path / "pipeline.yaml").read_text())
    second = json.loads((tmp_path / "pipeline.json").read_text())["pipelineSpec"]
    assert first["defaultPipelineRoot"] == "gs://bucket/walks"
    # Kubeflow Pipelines has no resolvers; Vertex AI has TFX's own two.
    resolvers = {
        f"LatestBlessedModel-model-{what}resolver" for what in ("", "blessing-")
    }
    assert set(first["root"]["dag"]["tasks"]) == set(nodes) | {"ServedModel"}
    assert set(second["root"]["dag"]["tasks"]) == set(nodes) | resolvers


def test_every_node_has_image_resources_and_retries(
    nodes: dict[str, Any], job: dict[str, Any], on_vertex: Settings
) -> None:
    spec = job["pipelineSpec"]
    containers = kubeflow_spec.containers(spec)
    assert set(containers) == set(nodes)
    for name, container in containers.items():
        trains = name == "RecommendationTrainer"
        assert container["image"] == ("registry.example.org/gpu:2" if trains else IMAGE)
        assert container["resources"]["memoryLimit"] >= 4
        assert container["resources"]["cpuRequest"] >= 1
        policy = kubeflow_spec.tasks(spec)[name]["retryPolicy"]
        assert policy["maxRetryCount"] == 4
    assert containers["RecommendationTrainer"]["resources"] == {
        "cpuRequest": 8, "cpuLimit": 8, "memoryRequest": 32, "memoryLimit": 32,
    }  # fmt: skip


def test_a_node_that_there_is_not(remote: Any, on_vertex: Settings) -> None:
    wrong = dataclasses.replace(on_vertex, images={"Trainer": IMAGE})
    with pytest.raises(UserError, match="no such node"):
        kubeflow_compiler.vertex_job(remote, wrong)


def test_parameters_arrive_as_the_local_runner_gives_them(
    nodes: dict[str, Any], job: dict[str, Any]
) -> None:
    spec = json_format.ParseDict(job["pipelineSpec"], pipeline_spec_pb2.PipelineSpec())
    assert "Tuner" in nodes
    for name, node in nodes.items():
        task = spec.root.dag.tasks[name]
        arrived = kubeflow_v2_entrypoint_utils.parse_execution_properties(
            {k: v.runtime_value.constant for k, v in task.inputs.parameters.items()},
            {},
            spec.components[name].input_definitions,
        )
        given = {k: v for k, v in node.exec_properties.items() if v is not None}
        assert arrived == given, name
        for key, value in given.items():
            # JSON's numbers are floats, and TFX takes bools for integers.
            wanted = int if isinstance(value, bool) else type(value)
            assert type(arrived[key]) is wanted, (name, key)


def test_types_of_our_own_are_found_by_name(job: dict[str, Any]) -> None:
    artifact_types.register()
    outputs = job["pipelineSpec"]["components"]["ActivityExampleGen"]
    found = {}
    for name, spec in outputs["outputDefinitions"]["artifacts"].items():
        artifact = pipeline_spec_pb2.RuntimeArtifact(name=name, uri="gs://b/x")
        artifact.type.instance_schema = spec["artifactType"]["instanceSchema"]
        listed = {name: pipeline_spec_pb2.ArtifactList(artifacts=[artifact])}
        (parsed,) = kubeflow_v2_entrypoint_utils.parse_raw_artifact_dict(listed)[name]
        found[name] = type(parsed)
    assert found["catalogue"] is artifacts.ItemCatalogue
    assert found["report"] is artifacts.IngestionReport


def test_what_the_cache_cannot_know_is_not_cached(
    nodes: dict[str, Any], remote: Any, on_vertex: Settings, job: dict[str, Any]
) -> None:
    (kubeflow,) = kubeflow_compiler.kubeflow_pipeline(remote, on_vertex)
    cached = {
        name
        for name, task in kubeflow_spec.tasks(kubeflow).items()
        if task.get("cachingOptions", {}).get("enableCache")
    }
    assert cached == set(nodes) - {"ActivityExampleGen"}
    # Vertex AI looks at the log first.
    hook = kubeflow_spec.containers(job["pipelineSpec"])["ActivityExampleGen"]
    assert "span_driver" in hook["lifecycle"]["preCacheCheck"]["command"][-1]
    assert kubeflow_spec.tasks(job["pipelineSpec"])["ActivityExampleGen"][
        "cachingOptions"
    ]["enableCache"]
