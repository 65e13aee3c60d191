"""The pipeline of a configuration with all it writes under one folder."""

from __future__ import annotations

import os

from ml_metadata.proto import metadata_store_pb2
from tfx import v1 as tfx

from ondevice_rec.pipelines import pipeline, store_limits
from ondevice_rec.schemas import errors, pipeline_config_pb2


def build(
    config: pipeline_config_pb2.PipelineConfig,
    root: str,
    connection: metadata_store_pb2.ConnectionConfig,
    beam_args: tuple[str, ...],
    span: int | None = None,
) -> tfx.dsl.Pipeline:
    """Makes the pipeline, and checks that its store can keep the parameters.

    Args:
      config: The configuration, checked.
      root: Folder of `artifacts/` and, unless the configuration says otherwise,
        `serving/`.
      connection: The ML Metadata store.
      beam_args: Arguments of the components' Beam pipelines.
      span: The last span to read; None: the latest there is.

    Raises:
      UserError: the configuration cannot be used, or not with this store.
    """
    try:
        built = pipeline.create_pipeline(
            config,
            pipeline_root=os.path.join(root, "artifacts"),
            push_dir=os.path.join(root, "serving"),
            metadata_connection_config=connection,
            beam_pipeline_args=beam_args,
            span=span,
        )
        store_limits.check(built.components, connection)
    except ValueError as error:
        # Components check their own parameters when they are made.
        raise errors.UserError(str(error)) from error
    return built
