"""TFLitePusher: the model as an app gets it."""

from __future__ import annotations

from typing import ClassVar

from tfx import types
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from ondevice_rec.components.artifacts import ItemCatalogue
from ondevice_rec.components.tflite_pusher import destination
from ondevice_rec.components.tflite_pusher.executor import Executor
from ondevice_rec.schemas import serving_check
from ondevice_rec.schemas.pipeline_config_pb2 import Serving


class TFLitePusherSpec(ComponentSpec):
    """Channels and parameters of `TFLitePusher`."""

    PARAMETERS: ClassVar = {
        "serving": ExecutionParameter(type=Serving),
        "push_dir": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "catalogue": ChannelParameter(type=ItemCatalogue),
        "evaluation": ChannelParameter(
            type=standard_artifacts.ModelEvaluation, optional=True
        ),
    }
    OUTPUTS: ClassVar = {
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel)
    }


class TFLitePusher(BaseComponent):
    """Publishes a blessed model as an immutable version folder.

    The model is exported to TFLite in the variants that are asked for; each is compared
    with the SavedModel on real timelines and measured, and left out where it is past
    its budget. They are published in one step: an app that looks for the served
    version sees a whole one. A model that is not blessed, or whose first variant is
    past its budget, is not pushed, and the run goes on.

    Output: `pushed_model` (PushedModel; custom properties as in
    `ondevice_rec.schemas.facts`).
    """

    SPEC_CLASS = TFLitePusherSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        model_blessing: types.BaseChannel,
        examples: types.BaseChannel,
        catalogue: types.BaseChannel,
        push_dir: str,
        serving: Serving | None = None,
        evaluation: types.BaseChannel | None = None,
    ) -> None:
        """Creates the component.

        Args:
          model: The model.
          model_blessing: Says whether it may be pushed.
          examples: Transformed timelines; the validation and test splits are used.
          catalogue: The items' titles.
          push_dir: Folder of the versions, made if it is not there: a path, or a URL
            of a store that Beam or TFX's fileio knows (`gs://`, `s3://`).
          serving: What is pushed, and how it is verified; its `push_dir` is not
            looked at.
          evaluation: Metrics for the manifest.

        Raises:
          ValueError: a value of `serving` or `push_dir` is not possible.
        """
        serving = serving or Serving()
        destination.check(push_dir)
        serving_check.validate(serving)
        super().__init__(
            TFLitePusherSpec(
                model=model,
                model_blessing=model_blessing,
                examples=examples,
                catalogue=catalogue,
                evaluation=evaluation,
                serving=serving,
                push_dir=push_dir,
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )
