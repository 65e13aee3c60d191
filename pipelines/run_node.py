"""Runs one node of a compiled pipeline by TFX's portable Launcher.

Idempotent: TFX registers one execution for a node in a run and takes the same one for a
retry, so that its outputs go where a killed attempt's went. What that attempt left is
removed first. Where the node has ended, nothing is done.
"""

from __future__ import annotations

import logging
from typing import Any

from google.protobuf import json_format
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.dsl.io import fileio
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import (
    launcher,
    outputs_utils,
    runtime_parameter_utils,
)
from tfx.orchestration.portable.mlmd import execution_lib
from tfx.proto.orchestration import pipeline_pb2
from tfx.types.standard_component_specs import RANGE_CONFIG_KEY as RANGE_CONFIG
from tfx.utils import proto_utils

# So that TFX finds the classes of our types of artifacts.
from ondevice_rec.components import artifacts as _artifacts  # noqa: F401
from ondevice_rec.components.activity_example_gen import span_range
from ondevice_rec.components.activity_example_gen.executor import LOG
from ondevice_rec.pipelines import metadata_store, node_lock
from ondevice_rec.schemas import pipeline_config_pb2
from ondevice_rec.schemas.errors import UserError

logger = logging.getLogger("ondevice_rec.run_node")


def run(
    pipeline: dict[str, Any], node_id: str, run_id: str, span: int | None = None
) -> int:
    """Runs one node.

    Args:
      pipeline: The pipeline's IR as protobuf's JSON.
      node_id: One of its nodes.
      run_id: Names the run in ML Metadata.
      span: Span of the data to read; None: the latest.

    Returns:
      The exit code, 0.

    Raises:
      UserError: The store cannot be opened, a node before this one has not ended, or
        the component found something that the user can mend.
      RuntimeError: TFX could not resolve the node's inputs.
    """
    _log_to_stderr()
    ir = json_format.ParseDict(pipeline, pipeline_pb2.Pipeline())
    runtime_parameter_utils.substitute_runtime_parameter(
        ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
    )
    nodes = {node.pipeline_node.node_info.id: node.pipeline_node for node in ir.nodes}
    node = nodes[node_id]
    if span is not None:
        _set_span(node, span)
    deployment = runner_utils.extract_local_deployment_config(ir)
    found = deployment.metadata_connection_config
    connection = metadata_store.with_password(
        getattr(found, found.WhichOneof("connection_config"))
    )
    metadata_store.require_reachable(connection)
    root = ir.runtime_spec.pipeline_root.field_value.string_value
    with node_lock.held(root, run_id, node_id):
        with metadata.Metadata(connection) as store:
            for name in node.upstream_nodes:
                _require_ended(store, nodes[name], run_id)
            earlier = _executions(store, node)
        if any(map(execution_lib.is_execution_successful, earlier)):
            logger.warning("%s has ended before in run %s", node_id, run_id)
            return 0
        _remove_outputs(ir, node, earlier)
        launcher.Launcher(
            pipeline_node=node,
            mlmd_connection=metadata.Metadata(connection),
            pipeline_info=ir.pipeline_info,
            pipeline_runtime_spec=ir.runtime_spec,
            executor_spec=runner_utils.extract_executor_spec(deployment, node_id),
            custom_driver_spec=runner_utils.extract_custom_driver_spec(
                deployment, node_id
            ),
        ).launch()
        with metadata.Metadata(connection) as store:
            last = _executions(store, node)
        if not any(map(execution_lib.is_execution_successful, last)):
            # TFX's launcher keeps it to itself.
            raise RuntimeError(
                f"The inputs of {node_id} could not be resolved in run {run_id}: see "
                "the log above."
            )
    logger.info("%s has ended in run %s", node_id, run_id)
    return 0


def _set_span(node: pipeline_pb2.PipelineNode, span: int) -> None:
    """Has an ActivityExampleGen read the spans up to this one; others read none."""
    if not node.node_info.type.name.endswith("ActivityExampleGen"):
        return
    parameters = node.parameters.parameters
    log = pipeline_config_pb2.ActivityLog()
    proto_utils.json_to_proto(parameters[LOG].field_value.string_value, log)
    asked = span_range.of(log, span)
    if asked is None:
        raise UserError(
            f"The run asks for span {span}, but `log.path` {log.path} has no spans. "
            "Put {SPAN}, or {YYYY}, {MM} and {DD}, into it, or ask for none."
        )
    parameters[RANGE_CONFIG].field_value.string_value = proto_utils.proto_to_json(asked)


def _executions(
    store: metadata.Metadata, node: pipeline_pb2.PipelineNode
) -> list[metadata_store_pb2.Execution]:
    """The node's executions in its run, which its contexts name."""
    contexts = []
    for spec in node.contexts.contexts:
        context = store.store.get_context_by_type_and_name(
            spec.type.name, spec.name.field_value.string_value
        )
        if context is None:
            return []
        contexts.append(context)
    return list(
        execution_lib.get_executions_associated_with_all_contexts(store, contexts)
    )


def _require_ended(
    store: metadata.Metadata, node: pipeline_pb2.PipelineNode, run_id: str
) -> None:
    """Raises a UserError where a node has not ended well in this run."""
    found = _executions(store, node)
    if any(map(execution_lib.is_execution_successful, found)):
        return
    name = node.node_info.id
    states = [
        metadata_store_pb2.Execution.State.Name(e.last_known_state).lower()
        for e in found
    ]
    raise UserError(
        f"{name} has not ended in run {run_id} ({states[-1] if states else 'not run'})."
        f" Run {name} first, in the same run, with the same metadata store."
    )


def _remove_outputs(
    ir: pipeline_pb2.Pipeline,
    node: pipeline_pb2.PipelineNode,
    executions: list[metadata_store_pb2.Execution],
) -> None:
    """Removes what attempts that did not end have left."""
    resolver = outputs_utils.OutputsResolver(node, ir.pipeline_info, ir.runtime_spec)
    for execution in executions:
        outputs = resolver.generate_output_artifacts(execution.id)
        for artifacts in outputs.values():
            for artifact in artifacts:
                if fileio.exists(artifact.uri):
                    logger.warning("removing %s, left by an attempt", artifact.uri)
                    fileio.rmtree(artifact.uri)


def _log_to_stderr() -> None:
    """What an orchestrator keeps as the task's log: of ours all, of others warnings."""
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    logging.getLogger("ondevice_rec").setLevel(logging.INFO)
