"""What TFX's compiler leaves out of a pipeline for Kubeflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ondevice_rec.pipelines.kubeflow_settings import Resources, Settings
from ondevice_rec.schemas.errors import UserError

Spec = dict[str, Any]

EXAMPLE_GEN = "ActivityExampleGen"
SERVED_MODEL = "ServedModel"

CONTAINER = ("python", "-m", "ondevice_rec.pipelines.kubeflow.container")
_DRIVER = ("python", "-m", "ondevice_rec.pipelines.kubeflow.span_driver")
_STORE_FILES = ("--store_files", "/")

_SMALL = Resources(1, 4)
_BEAM = Resources(2, 8)
_LARGE = Resources(4, 16)
RESOURCES: Mapping[str, Resources] = {
    EXAMPLE_GEN: _BEAM,
    "StatisticsGen": _BEAM,
    "SequenceTransform": _BEAM,
    "Tuner": _LARGE,
    "RecommendationTrainer": _LARGE,
    "TopKEvaluator": _LARGE,
    "TFLitePusher": _BEAM,
}
# Seconds before a node is tried again, doubled each time up to the second.
_BACKOFF = (30, 600)


def finish(spec: Spec, settings: Settings) -> None:
    """Adds resources, retries and images to a compiled pipeline.

    Args:
      spec: A PipelineSpec as protobuf's JSON, version 2.1; changed.
      settings: How nodes run.

    Raises:
      UserError: the settings name a node that there is not.
    """
    nodes = containers(spec)
    for option, named in (
        ("--image", settings.images),
        ("--resources", settings.resources),
    ):
        for name in named:
            if name not in nodes:
                raise UserError(
                    f"{option} {name}: there is no such node. The nodes are "
                    f"{', '.join(sorted(nodes))}."
                )
    spec["defaultPipelineRoot"] = settings.root
    for name, container in nodes.items():
        container["image"] = settings.images.get(name, settings.image)
        given = settings.resources.get(name, RESOURCES.get(name, _SMALL))
        container["resources"] = {
            "cpuRequest": given.cpus,
            "cpuLimit": given.cpus,
            "memoryRequest": given.memory,
            "memoryLimit": given.memory,
        }
        tasks(spec)[name]["retryPolicy"] = {
            "maxRetryCount": settings.retries,
            "backoffDuration": f"{_BACKOFF[0]}s",
            "backoffFactor": 2.0,
            "backoffMaxDuration": f"{_BACKOFF[1]}s",
        }


def for_kubeflow_pipelines(spec: Spec) -> None:
    """Lets nodes work on the files that Kubeflow Pipelines copies for them.

    It runs no drivers, so what reads something that is no input of its node does so
    every time: the log, and the served model.
    """
    for container in containers(spec).values():
        container["args"].extend(_STORE_FILES)
    for name in (EXAMPLE_GEN, SERVED_MODEL):
        tasks(spec)[name].pop("cachingOptions", None)


def for_vertex(spec: Spec) -> None:
    """Looks at the log before the cache is asked, as the local runner does."""
    container = containers(spec)[EXAMPLE_GEN]
    given = container["args"].index("--json_serialized_invocation_args")
    container["lifecycle"] = {
        "preCacheCheck": {
            "command": list(_DRIVER),
            "args": container["args"][given : given + 4],
        }
    }


def volumes(spec: Spec, settings: Settings) -> Spec:
    """Kubernetes' part of a pipeline for Kubeflow Pipelines; empty without volumes."""
    if not settings.volumes:
        return {}
    labels = [_component(spec, name)["executorLabel"] for name in containers(spec)]
    executors = {
        label: {"pvcMount": [_mount(*pair) for pair in settings.volumes.items()]}
        for label in labels
    }
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}


def _mount(claim: str, folder: str) -> Spec:
    # Kubeflow's earlier releases read the first, later ones the second.
    return {
        "constant": claim,
        "pvcNameParameter": {"runtimeValue": {"constant": claim}},
        "mountPath": folder,
    }


def containers(spec: Spec) -> dict[str, Spec]:
    """Containers by the name of their node."""
    executors = spec["deploymentSpec"]["executors"]
    found = {}
    for name in tasks(spec):
        executor = executors[_component(spec, name)["executorLabel"]]
        if "container" in executor:
            found[name] = executor["container"]
    return found


def tasks(spec: Spec) -> dict[str, Spec]:
    """Tasks by name."""
    found: dict[str, Spec] = spec["root"]["dag"]["tasks"]
    return found


def _component(spec: Spec, task: str) -> Spec:
    found: Spec = spec["components"][tasks(spec)[task]["componentRef"]["name"]]
    return found
