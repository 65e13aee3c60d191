"""The compiled pipeline, node by node, as Kubeflow Pipelines runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.components import provenance
from ondevice_rec.pipelines import cli, kubeflow_compiler
from ondevice_rec.pipelines.kubeflow import container
from ondevice_rec.pipelines.kubeflow_settings import Settings
from ondevice_rec.recommendation.ondevice.version_folder import (
    VersionFolder,
    open_version,
    versions,
)
from ondevice_rec.recommendation.recommender import Recommender

pytestmark = pytest.mark.integration

# What holds no time of day, in memory or on the clock.
SAME_BYTES = {
    "ActivityExampleGen": ("examples", "catalogue", "report"),
    "StatisticsGen": ("statistics",),
    "SchemaGen": ("schema",),
    "SequenceTransform": ("transformed_examples",),
    "TopKEvaluator": ("blessing",),
}


@pytest.fixture(scope="module")
def local_version(
    data: Path, tmp_path_factory: pytest.TempPathFactory
) -> VersionFolder:
    """What a run on this machine pushed."""
    root = tmp_path_factory.mktemp("local")
    assert cli.main(["run", str(data / "config.yaml"), "--root", str(root)]) == 0
    return open_version(data / "serving")


@pytest.fixture(scope="module")
def cluster(
    cluster_class: Any,
    local_version: VersionFolder,
    config: Any,
    settings: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """The cluster after a run, on which the local run's model was served before."""
    spec, _ = kubeflow_compiler.kubeflow_pipeline(config, settings)
    found = cluster_class(spec, tmp_path_factory.mktemp("cluster"))
    found.run()
    return found


def metadata(cluster: Any, task: str, output: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.artifacts[task][output]["metadata"]
    return found


def test_the_pushed_model_is_the_local_runs(
    cluster: Any, data: Path, local_version: VersionFolder
) -> None:
    pushed = open_version(data / "serving")
    assert pushed.path != local_version.path
    for name in ("vocab.txt", "labels.tsv", "popular.json", "hparams.json"):
        assert pushed.read(name) == local_version.read(name)
    weights = "saved_model/variables/variables.data-00000-of-00001"
    files = [version.manifest["files"][weights] for version in (pushed, local_version)]
    assert files[0] == files[1]
    recommenders = [
        Recommender.from_version(version.path) for version in (pushed, local_version)
    ]
    for history in (["i3"], ["i3", "i4", "i5"], ["i7", "i1", "i29", "i0", "i1"]):
        first, second = (found.recommend(history) for found in recommenders)
        assert first == second


def test_the_pushed_model_says_where_it_came_from(cluster: Any, data: Path) -> None:
    pushed = open_version(data / "serving")
    told = metadata(cluster, "TFLitePusher", "pushed_model")
    assert told["pushed_destination"] == str(pushed.path)
    assert told["model_sha256"] == pushed.manifest["files"]["model.tflite"]["sha256"]
    lineage = pushed.manifest["lineage"]
    timelines = cluster.artifacts["SequenceTransform"]["transformed_examples"]
    assert lineage["examples"][0]["uri"] == timelines["uri"]
    assert lineage["examples"][0]["id"] == int(timelines["name"])
    examples = metadata(cluster, "ActivityExampleGen", "examples")
    assert (examples["rows_read"], examples["custom:span"]) == (1440, 0)
    assert "split:catalogue" in examples["input_fingerprint"]
    model = cluster.artifacts["RecommendationTrainer"]["model"]
    blessing = metadata(cluster, "TopKEvaluator", "blessing")
    assert blessing["current_model"] == model["uri"]
    assert model["uri"].startswith("minio://mlpipeline/walks/")


def test_artifacts_arrive_as_they_were_written(cluster: Any) -> None:
    digests = {
        (task, output): artifact["metadata"]["content_sha256"]
        for task, outputs in cluster.artifacts.items()
        for output, artifact in outputs.items()
        if "content_sha256" in artifact["metadata"]
    }
    # Only TFX's own executors write none.
    assert {task for task, _ in digests} == set(cluster.artifacts) - {
        "StatisticsGen",
        "SchemaGen",
    }
    for (task, output), digest in digests.items():
        assert provenance.content_sha256(str(cluster.path(task, output))) == digest


def test_the_model_that_is_served_is_compared_with(
    cluster: Any, local_version: VersionFolder
) -> None:
    served = metadata(cluster, "ServedModel", "model")
    assert served["pushed_version"] == str(local_version.version)
    # Same log, same configuration: the candidate is what is served already.
    told = metadata(cluster, "TopKEvaluator", "evaluation")
    assert told["blessed_left_out"] == "it is this very model"


def test_a_node_that_runs_again_gives_the_same(cluster: Any) -> None:
    for task, outputs in SAME_BYTES.items():
        pod = cluster.schedule(task)
        left = pod.path(outputs[0])
        (left / "Split-train").mkdir(parents=True)
        (left / "Split-train" / "half.gz").write_bytes(b"killed while it wrote")
        assert container.main(pod.command[3:]) == 0
        for output in outputs:
            again = provenance.content_sha256(str(pod.path(output)))
            before = provenance.content_sha256(str(cluster.path(task, output)))
            assert again == before, (task, output)


def test_a_push_that_runs_again_pushes_once(cluster: Any, data: Path) -> None:
    before = versions(data / "serving")
    pod = cluster.schedule("TFLitePusher")
    for _ in range(2):
        assert container.main(pod.command[3:]) == 0
    (new,) = set(versions(data / "serving")) - set(before)
    told = json.loads(pod.output_file.read_text())["artifacts"]["pushed_model"]
    assert told["artifacts"][0]["metadata"]["pushed_version"] == str(new)


def test_vertex_ais_resolver_finds_the_blessed_model(cluster: Any, config: Any) -> None:
    job = kubeflow_compiler.vertex_job(config, Settings("gs://bucket/walks", "rec:1"))
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"]

    def query(task: str, output: str) -> str:
        resolver = executors[f"LatestBlessedModel-{task}_executor"]["resolver"]
        found: str = resolver["outputArtifactQueries"][output]["filter"]
        return found

    blessing = metadata(cluster, "TopKEvaluator", "blessing")
    assert blessing["blessed"] == 1
    asked = query("model-blessing-resolver", "model_blessing")
    assert 'schema_title="tfx.ModelBlessing"' in asked
    assert "metadata.blessed.number_value=1" in asked
    # By name, which an executor does not know: TFX's entrypoint has to write it.
    name = cluster.artifacts["RecommendationTrainer"]["model"]["name"]
    assert blessing["current_model_id"] == name
    asked = query("model-resolver", "model")
    assert (
        "name=\"{{$.inputs.artifacts['input'].metadata['current_model_id']}}" in asked
    )
