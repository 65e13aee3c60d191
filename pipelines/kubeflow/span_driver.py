"""Vertex AI's hook before it looks into its cache: `python -m` this module.

Finds the span and the fingerprint of the log, as ActivityExampleGen's driver does, and
hands them on as parameters, so that an unchanged log, and only that, comes from the
cache. TFX's own hook knows nothing of catalogues and of patterns that match folders.
Kubeflow Pipelines has no such hook: there the executor asks the driver.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.io import fileio
from tfx.orchestration.kubeflow.v2.container import (
    kubeflow_v2_entrypoint_utils as utils,
)
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs

from ondevice_rec.components.activity_example_gen import driverless
from ondevice_rec.pipelines.kubeflow import artifact_types
from ondevice_rec.schemas import errors

logger = logging.getLogger("ondevice_rec.kubeflow")


def main(argv: Sequence[str]) -> int:
    """Writes an ExecutorOutput with the resolved parameters and the examples.

    Args:
      argv: TFX's flags `--json_serialized_invocation_args` and
        `--json_serialized_inputs_spec_args`; others are for the executor.

    Returns:
      The exit code: 0, or 2 for an error that the user can mend.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--json_serialized_invocation_args", required=True)
    parser.add_argument("--json_serialized_inputs_spec_args", required=True)
    flags, _ = parser.parse_known_args(argv)
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
    try:
        output = resolve(executor_input, spec)
    except errors.UserError as error:
        logger.error("%s", error)
        return 2
    path = executor_input.outputs.output_file
    fileio.makedirs(path.rpartition("/")[0])
    with fileio.open(path, "w") as file:
        file.write(json_format.MessageToJson(output, sort_keys=True))
    return 0


def resolve(
    executor_input: pipeline_spec_pb2.ExecutorInput,
    spec: pipeline_spec_pb2.ComponentInputsSpec,
) -> pipeline_spec_pb2.ExecutorOutput:
    """Resolves the log that an invocation of ActivityExampleGen names.

    Args:
      executor_input: The invocation.
      spec: The component's inputs, with the types of its parameters.

    Returns:
      What the driver changed: parameters, and the examples with their span.

    Raises:
      UserError: the log or the catalogue is not there.
    """
    artifact_types.register()
    inputs = executor_input.inputs
    given = utils.parse_execution_properties(
        inputs.parameter_values, inputs.parameters, spec
    )
    names: dict[int, str] = {}
    outputs = utils.parse_raw_artifact_dict(executor_input.outputs.artifacts, names)
    examples = artifact_utils.get_single_instance(outputs[specs.EXAMPLES_KEY])
    resolved = driverless.resolve(dict(given), examples)
    output = pipeline_spec_pb2.ExecutorOutput()
    for name, value in resolved.items():
        if value is None or given.get(name) == value:
            continue
        if isinstance(value, str):
            output.parameter_values[name].string_value = value
        else:
            output.parameter_values[name].number_value = value
    output.artifacts[specs.EXAMPLES_KEY].artifacts.append(
        utils.to_runtime_artifact(examples, names)
    )
    return output


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    sys.exit(main(sys.argv[1:]))
