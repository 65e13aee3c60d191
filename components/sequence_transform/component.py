"""SequenceTransform: keys become ids, by vocabularies learnt from the train split."""

from __future__ import annotations

from typing import ClassVar

from google.protobuf import json_format
from tfx import types
from tfx.components.transform.component import Transform
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.proto import transform_pb2
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.types.component_spec import ChannelParameter
from tfx.utils import json_utils

from ondevice_rec.components.sequence_transform.executor import BASE_MODEL, Executor
from ondevice_rec.components.sequence_transform.preprocessing import (
    INPUT_SPEC_KEY,
    MIN_VOCAB_COUNT_KEY,
)
from ondevice_rec.schemas import input_spec_pb2, timeline

_PREPROCESSING_FN = (
    "ondevice_rec.components.sequence_transform.preprocessing.preprocessing_fn"
)


class SequenceTransformSpec(specs.TransformSpec):
    """TFX's, with an earlier model."""

    INPUTS: ClassVar = {
        **specs.TransformSpec.INPUTS,
        BASE_MODEL: ChannelParameter(type=standard_artifacts.Model, optional=True),
    }


class SequenceTransform(Transform):
    """TFX's Transform over timelines, driven by the input spec.

    Outputs are those of TFX's Transform: `transform_graph`, which holds one
    vocabulary per source column, and `transformed_examples`
    (see "Transformed timelines" in `docs/architecture.md`).

    Example:
        transform = SequenceTransform(
            examples=example_gen.outputs["examples"],
            schema=schema_gen.outputs["schema"],
            input_spec=input_spec,
        )
    """

    SPEC_CLASS = SequenceTransformSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        input_spec: input_spec_pb2.InputSpec,
        min_vocab_count: int = 1,
        base_model: types.BaseChannel | None = None,
    ):
        """Constructs the component.

        Args:
          examples: Timelines (`Examples`), as ActivityExampleGen writes them.
          schema: Their `Schema`.
          input_spec: Which columns the model reads, and as what. The smallest
            `vocab_size` given for a column caps its vocabulary.
          min_vocab_count: Keys seen less often in the train split get id 0.
          base_model: An earlier `Model`, if there is one: keys that its vocabularies
            have keep the ids they have there. It may be empty.

        Raises:
          ValueError: If `min_vocab_count` is below 1.
        """
        if min_vocab_count < 1:
            raise ValueError(
                f"`min_vocab_count` must be >= 1, received {min_vocab_count}."
            )
        transformed = types.Channel(type=standard_artifacts.Examples)
        transformed.matching_channel_name = specs.EXAMPLES_KEY
        # TFX's own constructor knows no further inputs.
        BaseBeamComponent.__init__(
            self,
            spec=SequenceTransformSpec(
                examples=examples,
                schema=schema,
                base_model=base_model,
                preprocessing_fn=_PREPROCESSING_FN,
                force_tf_compat_v1=0,
                splits_config=transform_pb2.SplitsConfig(
                    analyze=[timeline.TRAIN], transform=list(timeline.SPLITS)
                ),
                custom_config=json_utils.dumps(
                    {
                        INPUT_SPEC_KEY: json_format.MessageToDict(input_spec),
                        MIN_VOCAB_COUNT_KEY: min_vocab_count,
                    }
                ),
                # StatisticsGen has described the data; a second description of ids
                # costs time and tells nothing.
                disable_statistics=1,
                transform_graph=types.Channel(type=standard_artifacts.TransformGraph),
                transformed_examples=transformed,
            ),
        )
