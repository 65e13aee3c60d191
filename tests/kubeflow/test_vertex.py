"""ActivityExampleGen as Vertex AI runs it: a hook, the cache, the executor."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.components import provenance
from ondevice_rec.pipelines import kubeflow_compiler, kubeflow_spec
from ondevice_rec.pipelines.kubeflow import container, span_driver
from ondevice_rec.pipelines.kubeflow_settings import Settings

OUTPUTS = ("examples", "catalogue", "report")


@pytest.fixture(scope="module")
def spec(config: Any) -> dict[str, Any]:
    settings = Settings("gs://bucket/walks", "registry.example.org/rec:1")
    found: dict[str, Any] = kubeflow_compiler.vertex_job(config, settings)
    return found["pipelineSpec"]


class Task:
    """One task of ActivityExampleGen."""

    def __init__(self, spec: dict[str, Any], folder: Path, **parameters: str):
        self.folder = folder
        self.output_file = folder / "executor_output.json"
        self._container = kubeflow_spec.containers(spec)["ActivityExampleGen"]
        task = kubeflow_spec.tasks(spec)["ActivityExampleGen"]
        component = spec["components"]["ActivityExampleGen"]
        given = task["inputs"]["parameters"].items()
        outputs = component["outputDefinitions"]["artifacts"].items()
        constants = {k: v["runtimeValue"]["constant"] for k, v in given}
        self._input = {
            "inputs": {"parameterValues": constants | parameters},
            "outputs": {
                "outputFile": str(self.output_file),
                "artifacts": {
                    name: {
                        "artifacts": [
                            {
                                "name": f"projects/1/locations/x/artifacts/{name}",
                                "uri": str(folder / name),
                                "type": found["artifactType"],
                            }
                        ]
                    }
                    for name, found in outputs
                },
            },
        }

    def hook(self) -> int:
        hook = self._container["lifecycle"]["preCacheCheck"]
        assert hook["command"][2] == span_driver.__name__
        return span_driver.main(self._filled(hook["args"]))

    def execute(self) -> int:
        assert self._container["command"][2] == container.__name__
        return container.main(self._filled(self._container["args"]))

    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.output_file.read_text())
        return found

    def digests(self) -> list[str]:
        return [provenance.content_sha256(str(self.folder / name)) for name in OUTPUTS]

    def _filled(self, args: list[str]) -> list[str]:
        return [json.dumps(self._input) if arg == "{{$}}" else arg for arg in args]


def test_the_hook_says_by_what_the_cache_shall_compare(
    spec: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    def fingerprint(name: str) -> str:
        task = Task(spec, tmp_path / name)
        assert task.hook() == 0
        told = task.told()
        assert told["parameterValues"]["span"] == 0
        (examples,) = told["artifacts"]["examples"]["artifacts"]
        found: str = told["parameterValues"]["input_fingerprint"]
        assert examples["metadata"]["input_fingerprint"] == found
        return found

    before = fingerprint("before")
    assert fingerprint("again") == before
    items = data / "items.csv"
    text = items.read_text()
    items.write_text(text + "i99,Another\n")
    after = fingerprint("after")
    items.write_text(text)
    assert after.split("\n")[0] == before.split("\n")[0]
    assert after != before


def test_the_executor_goes_on_where_the_hook_ended(
    spec: dict[str, Any], tmp_path: Path
) -> None:
    task = Task(spec, tmp_path / "task")
    assert task.hook() == 0
    hooked = task.told()["parameterValues"]["input_fingerprint"]
    # What an attempt left that was killed.
    (tmp_path / "task" / "examples" / "Split-train").mkdir(parents=True)
    (tmp_path / "task" / "examples" / "Split-train" / "half.gz").write_bytes(b"?")
    assert task.execute() == 0
    first = task.digests()
    told = task.told()["artifacts"]["examples"]["artifacts"][0]
    assert told["metadata"]["content_sha256"] == first[0]
    # A retry finds the executor's answer in the place of the hook's.
    assert task.execute() == 0
    assert task.digests() == first
    again = task.told()["artifacts"]["examples"]["artifacts"][0]["metadata"]
    assert again["input_fingerprint"] == hooked
    assert again["content_sha256"] == first[0]


def test_a_log_that_is_not_there(
    spec: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task = Task(spec, tmp_path / "task", input_base=str(tmp_path / "nowhere"))
    with caplog.at_level(logging.ERROR, logger="ondevice_rec.kubeflow"):
        assert task.hook() == 2
        assert task.execute() == 2
    assert len(caplog.records) == 2
    for record in caplog.records:
        assert "matches no file" in record.message
        assert record.exc_info is None
    assert not task.output_file.exists()
