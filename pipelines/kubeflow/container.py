"""Runs one node's executor in its container: `python -m` this module.

TFX's container entrypoint, with what it lacks on these clusters:

- Kubeflow Pipelines names no types of a node's inputs (its driver leaves
  `instanceSchema` empty); the component's input definitions do. It adds outputs of its
  own, such as `executor-logs`.
- Kubeflow Pipelines copies artifacts between its store and this container's files, as
  its SDK's components expect. TFX knows neither minio:// nor s3://, so executors are
  given the files, and the store's URIs put back into what they answer.
- Our types of artifacts are found by their names.
- A node that was killed and runs again finds its outputs empty.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.io import fileio
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor

from ondevice_rec.pipelines.kubeflow import artifact_types
from ondevice_rec.pipelines.kubeflow.store_files import StoreFiles
from ondevice_rec.schemas import errors, facts

logger = logging.getLogger("ondevice_rec.kubeflow")

Artifacts = dict[str, pipeline_spec_pb2.ArtifactList]


def main(argv: Sequence[str]) -> int:
    """Runs an executor.

    Args:
      argv: TFX's flags (`--executor_class_path`, `--json_serialized_invocation_args`,
        `--json_serialized_inputs_spec_args`), `--store_files DIR` where the cluster
        copies artifacts, and arguments for Beam.

    Returns:
      The exit code: 0, or 2 for an error that the user can mend.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--executor_class_path", required=True)
    parser.add_argument("--json_serialized_invocation_args", required=True)
    parser.add_argument("--json_serialized_inputs_spec_args", required=True)
    parser.add_argument("--store_files")
    flags, beam_args = parser.parse_known_args(argv)
    executor_input = json_format.Parse(
        flags.json_serialized_invocation_args,
        pipeline_spec_pb2.ExecutorInput(),
        ignore_unknown_fields=True,
    )
    spec = json_format.Parse(
        flags.json_serialized_inputs_spec_args,
        pipeline_spec_pb2.ComponentInputsSpec(),
        ignore_unknown_fields=True,
    )
    store = StoreFiles(flags.store_files)
    prepare(executor_input, spec, store)
    flags.json_serialized_invocation_args = json_format.MessageToJson(executor_input)
    artifact_types.register()
    try:
        kubeflow_v2_run_executor.main((flags, beam_args))
    except Exception as error:
        mendable = errors.find(error)
        if mendable is None:
            raise
        logger.error("%s", mendable)
        return 2
    store.restore_file(executor_input.outputs.output_file)
    return 0


def prepare(
    executor_input: pipeline_spec_pb2.ExecutorInput,
    spec: pipeline_spec_pb2.ComponentInputsSpec,
    store: StoreFiles,
) -> None:
    """Makes a cluster's invocation one that TFX's entrypoint understands.

    Args:
      executor_input: The invocation; changed. Files of an earlier attempt under its
        outputs are removed.
      spec: The component's inputs, with their types.
      store: Where artifacts are.
    """
    inputs, outputs = executor_input.inputs.artifacts, executor_input.outputs.artifacts
    for name, found in inputs.items():
        for artifact in found.artifacts:
            artifact.metadata.update(
                {facts.STORE_NAME: artifact.name, facts.STORE_URI: artifact.uri}
            )
            if not (artifact.type.schema_title or artifact.type.instance_schema):
                artifact.type.CopyFrom(spec.artifacts[name].artifact_type)
    for name in [name for name, found in outputs.items() if _is_clusters(found)]:
        del outputs[name]
    for artifact in _all(inputs, outputs):
        artifact.uri = store.path(artifact.uri)
    for artifact in _all(outputs):
        if fileio.exists(artifact.uri):
            logger.warning("removing an earlier attempt's %s", artifact.uri)
            fileio.rmtree(artifact.uri)


def _is_clusters(found: pipeline_spec_pb2.ArtifactList) -> bool:
    return all(a.type.schema_title.startswith("system.") for a in found.artifacts)


def _all(*groups: Artifacts) -> Iterator[pipeline_spec_pb2.RuntimeArtifact]:
    for group in groups:
        for found in group.values():
            yield from found.artifacts


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.exit(main(sys.argv[1:]))
