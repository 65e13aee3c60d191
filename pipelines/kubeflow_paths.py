"""Which paths of a configuration containers reach."""

from __future__ import annotations

import re

from ondevice_rec.pipelines.kubeflow_settings import Settings
from ondevice_rec.schemas import pipeline_config_pb2
from ondevice_rec.schemas.errors import UserError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
_PUSH_STORES = ("gs://", "s3://")


def check(config: pipeline_config_pb2.PipelineConfig, settings: Settings) -> None:
    """Checks what stands in a configuration against where its nodes will run.

    Args:
      config: The configuration.
      settings: How nodes run.

    Raises:
      UserError: A path is this machine's alone, or cannot be read or written from a
        container; the pipeline has a name that Kubeflow refuses.
    """
    if not _NAME.fullmatch(config.pipeline_name):
        raise UserError(
            "Kubeflow takes small letters, digits and hyphens for `pipeline_name`, "
            f"received {config.pipeline_name!r}."
        )
    read = {"log.path": config.log.path}
    if config.HasField("catalogue"):
        read["catalogue.path"] = config.catalogue.path
    if config.HasField("schema"):
        read["schema"] = config.schema
    for name, path in read.items():
        _check_read(name, path, settings)
    folder = push_dir(config, settings)
    if not (folder.startswith(_PUSH_STORES) or settings.mounted(folder)):
        raise UserError(
            f"`serving.push_dir` must be in {' or '.join(_PUSH_STORES)} or on a volume "
            f"(--volume CLAIM=DIR) for Kubeflow, received {folder}"
            + (
                ""
                if config.serving.push_dir
                else ", which follows from --root. Set `serving.push_dir`"
            )
            + "."
        )


def push_dir(config: pipeline_config_pb2.PipelineConfig, settings: Settings) -> str:
    """Folder that versions are pushed to."""
    return config.serving.push_dir or f"{settings.root}/serving"


def not_for_vertex(
    config: pipeline_config_pb2.PipelineConfig, settings: Settings
) -> str:
    """Why Vertex AI Pipelines cannot run the pipeline; empty where it can."""
    if not settings.root.startswith("gs://"):
        return f"its --root must be in gs://, received {settings.root}"
    if settings.volumes:
        return "it has no volumes, and --volume is given"
    return ""


def _check_read(name: str, path: str, settings: Settings) -> None:
    # Others need a package that TensorFlow 2.16 does not bring.
    if path.startswith("gs://") or settings.mounted(path):
        return
    if "://" in path:
        raise UserError(
            f"`{name}` {path} cannot be read in a container: TensorFlow knows gs:// "
            "alone. Copy it to gs://, or to a volume of the cluster (--volume "
            "CLAIM=DIR)."
        )
    raise UserError(
        f"`{name}` {path} is a file of this machine, which the cluster does not see. "
        "Copy it to gs://, or to a volume of the cluster and name that: --volume "
        "CLAIM=DIR."
    )
