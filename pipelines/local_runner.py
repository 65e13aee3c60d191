"""Runs a pipeline on this machine with TFX's LocalDagRunner, node by node."""

from __future__ import annotations

from typing import Protocol

from tfx.dsl.compiler import constants
from tfx.orchestration.local import local_dag_runner
from tfx.orchestration.portable import runtime_parameter_utils
from tfx.proto.orchestration import pipeline_pb2


class Listener(Protocol):
    """Is told how a run goes on."""

    def started(self, node_id: str) -> None:
        """The node begins."""

    def finished(self, node_id: str) -> None:
        """The node ended well, executed or taken from the cache."""

    def failed(self, node_id: str) -> None:
        """The node raised; the run ends."""


class LocalRunner(local_dag_runner.LocalDagRunner):
    """TFX's LocalDagRunner that tells a listener when nodes start and end."""

    def __init__(self, listener: Listener, run_id: str):
        """Makes a runner for one run.

        Args:
          listener: Is told when nodes start and end.
          run_id: Names the run in ML Metadata; unique in its store.
        """
        super().__init__()
        self._listener = listener
        self._run_id = run_id

    def run_with_ir(
        self,
        pipeline: pipeline_pb2.Pipeline,
        run_options: pipeline_pb2.RunOptions | None = None,
    ) -> None:
        """Runs the compiled pipeline; see the base class."""
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: self._run_id}
        )
        for node in pipeline.nodes:
            # The base class runs every node it is given, in order.
            single = pipeline_pb2.Pipeline()
            single.CopyFrom(pipeline)
            del single.nodes[:]
            single.nodes.append(node)
            node_id = node.pipeline_node.node_info.id
            self._listener.started(node_id)
            try:
                super().run_with_ir(single, run_options)
            except BaseException:
                self._listener.failed(node_id)
                raise
            self._listener.finished(node_id)
