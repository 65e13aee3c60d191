"""What a run's components gave, read from ML Metadata."""

from __future__ import annotations

import dataclasses

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2


@dataclasses.dataclass(frozen=True)
class NodeOutputs:
    """One component's part of a run.

    Attributes:
      cached: Whether an earlier execution's outputs were taken.
      artifacts: Output key -> the artifact.
    """

    cached: bool
    artifacts: dict[str, metadata_store_pb2.Artifact]

    def uri(self, key: str) -> str:
        """Folder of the output `key`."""
        return self.artifacts[key].uri


def read(
    connection_config: metadata_store_pb2.ConnectionConfig, run_id: str
) -> dict[str, NodeOutputs]:
    """Reads the outputs of every component of a run.

    Args:
      connection_config: The ML Metadata store.
      run_id: Name of the run, as its runner gave it.

    Returns:
      Node id -> its outputs, for the nodes that ended well.
    """
    store = mlmd.MetadataStore(connection_config)
    run = store.get_context_by_type_and_name("pipeline_run", run_id)
    if run is None:
        return {}
    outputs = {}
    for execution in store.get_executions_by_context(run.id):
        state = execution.last_known_state
        if state not in (mlmd.proto.Execution.COMPLETE, mlmd.proto.Execution.CACHED):
            continue
        outputs[_node_id(store, execution)] = NodeOutputs(
            cached=state == mlmd.proto.Execution.CACHED,
            artifacts=_outputs(store, execution),
        )
    return outputs


def _node_id(store: mlmd.MetadataStore, execution: metadata_store_pb2.Execution) -> str:
    for context in store.get_contexts_by_execution(execution.id):
        if context.type == "node":
            # TFX names it "pipeline.node".
            return context.name.rsplit(".", 1)[-1]
    raise LookupError(f"Execution {execution.id} belongs to no node.")


def _outputs(
    store: mlmd.MetadataStore, execution: metadata_store_pb2.Execution
) -> dict[str, metadata_store_pb2.Artifact]:
    ids = {}
    for event in store.get_events_by_execution_ids([execution.id]):
        if event.type == mlmd.proto.Event.OUTPUT and event.path.steps:
            ids[event.path.steps[0].key] = event.artifact_id
    by_id = {a.id: a for a in store.get_artifacts_by_id(sorted(set(ids.values())))}
    return {key: by_id[artifact_id] for key, artifact_id in ids.items()}
