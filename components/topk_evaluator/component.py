"""TopKEvaluator: may this model be pushed?"""

from __future__ import annotations

from typing import ClassVar

from tfx import types
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from ondevice_rec.components.topk_evaluator import config_check
from ondevice_rec.components.topk_evaluator.executor import Executor
from ondevice_rec.schemas.input_spec_pb2 import InputSpec
from ondevice_rec.schemas.pipeline_config_pb2 import Evaluation


class TopKEvaluatorSpec(ComponentSpec):
    """Channels and parameters of `TopKEvaluator`."""

    PARAMETERS: ClassVar = {"evaluation_config": ExecutionParameter(type=Evaluation)}
    INPUTS: ClassVar = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "baseline_model": ChannelParameter(
            type=standard_artifacts.Model, optional=True
        ),
        "anomalies": ChannelParameter(
            type=standard_artifacts.ExampleAnomalies, optional=True
        ),
    }
    OUTPUTS: ClassVar = {
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class TopKEvaluator(BaseBeamComponent):
    """Ranks the whole vocabulary for every query of the test split.

    recall@k, NDCG@k, MRR and others, per slice and over all queries, of the model and,
    on the same queries, of a popularity and a last-item model made of the train split
    and of the latest blessed model, if there is one. A model that is not better than
    popularity, or misses a threshold, is not blessed; the blessing says why.

    Outputs: `evaluation` (ModelEvaluation; TFMA's files and `metrics.json`) and
    `blessing` (ModelBlessing, for TFX's Pusher and Resolver too).
    """

    SPEC_CLASS = TopKEvaluatorSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        baseline_model: types.BaseChannel | None = None,
        evaluation: Evaluation | None = None,
        input_spec: InputSpec | None = None,
        anomalies: types.BaseChannel | None = None,
    ) -> None:
        """Creates the component.

        Args:
          examples: Transformed timelines with the splits train and test.
          model: The model, with the signature `score`.
          baseline_model: The latest blessed model, as a Resolver finds it (see
            `latest_blessed.py`). It may be empty, or of another vocabulary.
          evaluation: The k's, slices and thresholds; left out: the defaults.
          input_spec: Lets columns to slice by be checked now and not in the run.
          anomalies: TimelineValidator's; a model of data with any is not blessed.

        Raises:
          ValueError: an unknown metric, slice or k; the message lists the valid ones.
        """
        config = evaluation or Evaluation()
        config_check.check(config, input_spec)
        super().__init__(
            TopKEvaluatorSpec(
                examples=examples,
                model=model,
                baseline_model=baseline_model,
                anomalies=anomalies,
                evaluation_config=config,
                evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
