"""SequenceTransform: keys become ids, by vocabularies learnt from the train split."""

from google.protobuf import json_format
from tfx import types
from tfx.components.transform.component import Transform
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.proto import transform_pb2

from ondevice_rec.components.sequence_transform.executor import Executor
from ondevice_rec.components.sequence_transform.preprocessing import (
    INPUT_SPEC_KEY,
    MIN_VOCAB_COUNT_KEY,
)
from ondevice_rec.schemas import input_spec_pb2, timeline

_PREPROCESSING_FN = (
    "ondevice_rec.components.sequence_transform.preprocessing.preprocessing_fn"
)


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

    EXECUTOR_SPEC = BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        input_spec: input_spec_pb2.InputSpec,
        min_vocab_count: int = 1,
    ):
        """Constructs the component.

        Args:
          examples: Timelines (`Examples`), as ActivityExampleGen writes them.
          schema: Their `Schema`.
          input_spec: Which columns the model reads, and as what. The smallest
            `vocab_size` given for a column caps its vocabulary.
          min_vocab_count: Keys seen less often in the train split get id 0.

        Raises:
          ValueError: If `min_vocab_count` is below 1.
        """
        if min_vocab_count < 1:
            raise ValueError(
                f"`min_vocab_count` must be >= 1, received {min_vocab_count}."
            )
        super().__init__(
            examples=examples,
            schema=schema,
            preprocessing_fn=_PREPROCESSING_FN,
            splits_config=transform_pb2.SplitsConfig(
                analyze=[timeline.TRAIN], transform=list(timeline.SPLITS)
            ),
            custom_config={
                INPUT_SPEC_KEY: json_format.MessageToDict(input_spec),
                MIN_VOCAB_COUNT_KEY: min_vocab_count,
            },
            # StatisticsGen has described the data; a second description of ids costs
            # time and tells nothing.
            disable_statistics=True,
            disable_analyzer_cache=True,
        )
