"""What is made of Kubeflow Pipelines' invocations before TFX sees them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from ondevice_rec.pipelines.kubeflow.container import prepare
from ondevice_rec.pipelines.kubeflow.store_files import StoreFiles

SCHEMA = "title: tfx.Model\ntype: object\n"
SPEC = {"artifacts": {"model": {"artifactType": {"instanceSchema": SCHEMA}}}}
ROOT = "minio://mlpipeline/v2/run/task"


def invocation(uri: str = f"{ROOT}/blessing") -> pipeline_spec_pb2.ExecutorInput:
    """As the driver of Kubeflow Pipelines 2.17 makes it."""
    model = {"name": "7", "uri": "minio://mlpipeline/v2/model"}
    model_type: dict[str, Any] = {"type": {"instanceSchema": ""}}
    blessing = {
        "name": "blessing",
        "uri": uri,
        "type": {"instanceSchema": "title: tfx.ModelBlessing\ntype: object\n"},
    }
    logs = {
        "name": "executor-logs",
        "uri": f"{ROOT}/executor-logs",
        "type": {"schemaTitle": "system.Artifact"},
    }
    made = {
        "inputs": {"artifacts": {"model": {"artifacts": [model | model_type]}}},
        "outputs": {
            "artifacts": {
                "blessing": {"artifacts": [blessing]},
                "executor-logs": {"artifacts": [logs]},
            }
        },
    }
    return json_format.ParseDict(made, pipeline_spec_pb2.ExecutorInput())


def spec() -> pipeline_spec_pb2.ComponentInputsSpec:
    return json_format.ParseDict(SPEC, pipeline_spec_pb2.ComponentInputsSpec())


def test_types_of_inputs_come_from_the_component() -> None:
    given = invocation()
    prepare(given, spec(), StoreFiles("/"))
    (model,) = given.inputs.artifacts["model"].artifacts
    assert model.type.instance_schema == SCHEMA
    assert model.uri == "/minio/mlpipeline/v2/model"
    assert dict(model.metadata) == {
        "store_name": "7",
        "store_uri": "minio://mlpipeline/v2/model",
    }


def test_outputs_of_the_clusters_own_are_not_the_executors() -> None:
    given = invocation()
    prepare(given, spec(), StoreFiles("/"))
    assert list(given.outputs.artifacts) == ["blessing"]


def test_what_a_killed_attempt_left_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "minio" / "mlpipeline" / "v2" / "run" / "task" / "blessing"
    folder.mkdir(parents=True)
    (folder / "BLESSED").write_text("")
    prepare(invocation(), spec(), StoreFiles(str(tmp_path)))
    assert not folder.exists()
    assert folder.parent.exists()


def test_without_copies_uris_stay_as_they_are() -> None:
    store = StoreFiles(None)
    assert store.path("gs://bucket/a") == "gs://bucket/a"
    assert store.uri("/gcs/bucket/a") == "/gcs/bucket/a"


def test_answers_name_the_store_again(tmp_path: Path) -> None:
    blessing = {
        "name": "x",
        "uri": "/s3/bucket/run/blessing",
        "metadata": {"current_model": "/gcs/b/model", "blessed": 1, "reason": "/ is"},
    }
    path = tmp_path / "output_metadata.json"
    answer = {"artifacts": {"blessing": {"artifacts": [blessing]}}}
    path.write_text(json.dumps(answer))
    StoreFiles("/").restore_file(str(path))
    found = json.loads(path.read_text())["artifacts"]["blessing"]["artifacts"][0]
    assert found["uri"] == "s3://bucket/run/blessing"
    told = {"current_model": "gs://b/model", "blessed": 1, "reason": "/ is"}
    assert found["metadata"] == told
