"""A Kubeflow Pipelines cluster on this machine: what its driver and launcher do.

After backend/src/v2/driver/{container,driver}.go, component/launcher_v2.go and
metadata/converter.go of github.com/kubeflow/pipelines (2.17): inputs have no types,
metadata's numbers are floats, outputs get URIs in the store, the launcher copies
artifacts between the store and the container's files. A pod's files are gone with it.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from ondevice_rec.pipelines import kubeflow_spec

Json = dict[str, Any]
SCHEMES = {"gs://": "gcs", "minio://": "minio", "s3://": "s3"}


@dataclasses.dataclass
class Pod:
    """One attempt of a task.

    Attributes:
      files: What is its root folder on a cluster.
      executor_input: What `{{$}}` stands for.
      command: What is run.
    """

    files: Path
    executor_input: Json
    command: list[str]

    @property
    def output_file(self) -> Path:
        return Path(self.executor_input["outputs"]["outputFile"])

    def path(self, output: str) -> Path:
        """Where the container finds an output."""
        outputs = self.executor_input["outputs"]["artifacts"]
        return local(outputs[output]["artifacts"][0]["uri"], self.files)


class Cluster:
    """Runs the tasks of a PipelineSpec.

    Attributes:
      artifacts: By task and output: name, URI and metadata, as the store of metadata
        has them.
      pods: By task, the one that ended well.
    """

    def __init__(self, spec: Json, folder: Path):
        self._spec = spec
        self._folder = folder
        self._tasks = kubeflow_spec.tasks(spec)
        self._containers = kubeflow_spec.containers(spec)
        self._run = uuid.uuid4().hex
        self.artifacts: dict[str, dict[str, Json]] = {}
        self.pods: dict[str, Pod] = {}

    def run(self) -> None:
        """Runs every task, two at once, each in a process of its own."""
        waiting = dict(self._tasks)
        running: dict[concurrent.futures.Future[None], str] = {}
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            while waiting or running:
                for name, task in list(waiting.items()):
                    if set(task.get("dependentTasks", ())) <= set(self.artifacts):
                        running[pool.submit(self.run_task, name)] = name
                        del waiting[name]
                done, _ = concurrent.futures.wait(
                    running, return_when=concurrent.futures.FIRST_COMPLETED
                )
                for future in done:
                    running.pop(future)
                    future.result()

    def run_task(self, name: str) -> None:
        """Runs a task as its driver, its launcher and its container do."""
        pod = self.schedule(name)
        result = subprocess.run(
            pod.command,
            # Nothing of the checkout may be found by chance.
            cwd=pod.files,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{name}:\n{result.stderr[-6000:]}"
        self.finish(name, pod)

    def schedule(self, name: str) -> Pod:
        """What the driver decides, and what the launcher does before the container."""
        files = self._folder / "pods" / f"{name}-{uuid.uuid4().hex[:8]}"
        files.mkdir(parents=True)
        task = self._tasks[name]
        component = self._spec["components"][task["componentRef"]["name"]]
        given = task.get("inputs", {})
        inputs = {}
        for key, source in given.get("artifacts", {}).items():
            source = source["taskOutputArtifact"]
            found = self.artifacts[source["producerTask"]][source["outputArtifactKey"]]
            inputs[key] = {"artifacts": [{**found, "type": {"instanceSchema": ""}}]}
            self._copy(found["uri"], self._store, files)
        root = "/".join(
            [self._spec["defaultPipelineRoot"], self._run, name, uuid.uuid4().hex]
        )
        outputs = {
            key: {
                "artifacts": [
                    {"name": key, "uri": f"{root}/{key}", "type": spec["artifactType"]}
                ]
            }
            for key, spec in component["outputDefinitions"]["artifacts"].items()
        }
        outputs["executor-logs"] = {
            "artifacts": [
                {
                    "name": "executor-logs",
                    "uri": f"{root}/executor-logs",
                    "type": {"schemaTitle": "system.Artifact"},
                }
            ]
        }
        executor_input = {
            "inputs": {
                "parameterValues": {
                    key: value["runtimeValue"]["constant"]
                    for key, value in given.get("parameters", {}).items()
                },
                "artifacts": inputs,
            },
            "outputs": {
                "artifacts": outputs,
                "outputFile": str(local(root, files) / "output_metadata.json"),
            },
        }
        local(root, files).mkdir(parents=True)
        container = self._containers[name]
        command = [*container["command"], *container["args"]]
        assert command[0] == "python"
        command[0] = sys.executable
        command[command.index("{{$}}")] = json.dumps(executor_input)
        # Where the container's root folder is.
        command[command.index("--store_files") + 1] = str(files)
        return Pod(files, executor_input, command)

    def finish(self, name: str, pod: Pod) -> None:
        """What the launcher does after the container, which it then removes."""
        told = json.loads(pod.output_file.read_text())
        published = {}
        for key, outputs in pod.executor_input["outputs"]["artifacts"].items():
            (artifact,) = outputs["artifacts"]
            answer = told.get("artifacts", {}).get(key, {}).get("artifacts", [{}])[0]
            uri = answer.get("uri", artifact["uri"])
            self._copy(uri, pod.files, self._store)
            published[key] = {
                "name": str(uuid.uuid4().int % 10**6),
                "uri": uri,
                "metadata": {
                    **{k: stored(v) for k, v in answer.get("metadata", {}).items()},
                    "display_name": key,
                    "store_session_info": "{}",
                },
            }
        shutil.rmtree(pod.files)
        self.artifacts[name], self.pods[name] = published, pod

    def path(self, task: str, output: str) -> Path:
        """Where the store has an artifact."""
        return local(self.artifacts[task][output]["uri"], self._store)

    @property
    def _store(self) -> Path:
        return self._folder / "store"

    def _copy(self, uri: str, source: Path, target: Path) -> None:
        """Copies files; a store has no empty folders."""
        for path in local(uri, source).rglob("*"):
            if path.is_file():
                copy = target / path.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)


def stored(value: Any) -> Any:
    """What comes back of a value that is put into the store of metadata."""
    if isinstance(value, dict):
        return {"struct": value}
    if isinstance(value, list):
        return {"list": value}
    assert value is not None, "the launcher refuses null"
    return int(value) if isinstance(value, bool) else value


def local(uri: str, files: Path) -> Path:
    """As the launcher's `LocalPathForURI`, in a pod."""
    for scheme, folder in SCHEMES.items():
        if uri.startswith(scheme):
            return files / folder / uri.removeprefix(scheme)
    raise AssertionError(f"the launcher refuses {uri}")
