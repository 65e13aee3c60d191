"""Writes the pipeline for Kubeflow Pipelines and for Vertex AI Pipelines."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import yaml

from ondevice_rec.pipelines import kubeflow_paths, kubeflow_spec, output_folder
from ondevice_rec.pipelines.kubeflow_settings import Settings
from ondevice_rec.pipelines.quiet import quiet
from ondevice_rec.schemas import pipeline_config_pb2
from ondevice_rec.schemas.errors import UserError

KUBEFLOW = "pipeline.yaml"
VERTEX = "pipeline.json"


def write(
    config: pipeline_config_pb2.PipelineConfig, output: str, settings: Settings
) -> str:
    """Writes `pipeline.yaml` for Kubeflow Pipelines, `pipeline.json` for Vertex AI.

    Args:
      config: The configuration, checked.
      output: Folder to write to; made where it is not there.
      settings: How nodes run.

    Returns:
      What was written, in words.

    Raises:
      UserError: the folder cannot be written, or a node could not run on a cluster.
    """
    kubeflow_paths.check(config, settings)
    folder = output_folder.make(output)
    with quiet(os.devnull):
        for_kubeflow = kubeflow_pipeline(config, settings)
        why_not = kubeflow_paths.not_for_vertex(config, settings)
        for_vertex = {} if why_not else vertex_job(config, settings)
    text = yaml.safe_dump_all(for_kubeflow, sort_keys=True)
    (folder / KUBEFLOW).write_text(text, encoding="utf-8")
    told = [f"{folder / KUBEFLOW} for Kubeflow Pipelines"]
    if why_not:
        # One that stands there would be another pipeline's.
        (folder / VERTEX).unlink(missing_ok=True)
        told.append(f"nothing for Vertex AI: {why_not}")
    else:
        text = json.dumps(for_vertex, indent=1, sort_keys=True) + "\n"
        (folder / VERTEX).write_text(text, encoding="utf-8")
        told.append(f"{folder / VERTEX} for Vertex AI")
    return "\n".join(told)


def kubeflow_pipeline(
    config: pipeline_config_pb2.PipelineConfig, settings: Settings
) -> list[dict[str, Any]]:
    """The documents of `pipeline.yaml`: a PipelineSpec, and a PlatformSpec if needed.

    Kubeflow Pipelines has no resolvers: the model to compare with is the served one.
    """
    from ondevice_rec.components.tflite_pusher.served_model import ServedModel

    push_dir = kubeflow_paths.push_dir(config, settings)
    # The one to start from, too, where the training asks for one.
    served = ServedModel(push_dir)
    spec = _job(config, settings, lambda *_: served)["pipelineSpec"]
    kubeflow_spec.for_kubeflow_pipelines(spec)
    platform = kubeflow_spec.volumes(spec, settings)
    return [spec, platform] if platform else [spec]


def vertex_job(
    config: pipeline_config_pb2.PipelineConfig, settings: Settings
) -> dict[str, Any]:
    """The PipelineJob of `pipeline.json`."""
    from ondevice_rec.components.topk_evaluator.latest_blessed import (
        latest_blessed_stock,
    )

    job = _job(config, settings, latest_blessed_stock)
    kubeflow_spec.for_vertex(job["pipelineSpec"])
    return job


def _job(
    config: pipeline_config_pb2.PipelineConfig,
    settings: Settings,
    earlier_model: Callable[[Any, str], Any],
) -> dict[str, Any]:
    """A PipelineJob by TFX's compiler, as protobuf's JSON."""
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

    from ondevice_rec.pipelines import pipeline

    try:
        built = pipeline.create_pipeline(
            config,
            pipeline_root=settings.root,
            push_dir=kubeflow_paths.push_dir(config, settings),
            earlier_model=earlier_model,
            earlier_statistics=None,
        )
    except ValueError as error:
        # Components check their own parameters when they are made.
        raise UserError(str(error)) from error
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(
        kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
            default_image=settings.image,
            default_commands=list(kubeflow_spec.CONTAINER),
            use_pipeline_spec_2_1=True,
        )
    )
    job: dict[str, Any] = runner.run(built, write_out=False)
    kubeflow_spec.finish(job["pipelineSpec"], settings)
    return job
