"""ActivityExampleGen: from a log of activity to timelines."""

from __future__ import annotations

from typing import ClassVar

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.types import component_spec, standard_artifacts
from tfx.types import standard_component_specs as specs

from ondevice_rec.components.activity_example_gen import driver, executor, settings
from ondevice_rec.components.artifacts import IngestionReport, ItemCatalogue
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2


class ActivityExampleGenSpec(component_spec.ComponentSpec):
    """Parameters and outputs of ActivityExampleGen."""

    PARAMETERS: ClassVar = {
        specs.INPUT_BASE_KEY: component_spec.ExecutionParameter(type=str),
        specs.INPUT_CONFIG_KEY: component_spec.ExecutionParameter(
            type=example_gen_pb2.Input
        ),
        specs.RANGE_CONFIG_KEY: component_spec.ExecutionParameter(
            type=range_config_pb2.RangeConfig, optional=True
        ),
        executor.LOG: component_spec.ExecutionParameter(type=config_pb2.ActivityLog),
        executor.CATALOGUE_SOURCE: component_spec.ExecutionParameter(
            type=config_pb2.Catalogue, optional=True
        ),
        executor.FILTERS: component_spec.ExecutionParameter(type=config_pb2.Filters),
        executor.SPLIT: component_spec.ExecutionParameter(type=config_pb2.Split),
        executor.CONTEXT_LENGTH: component_spec.ExecutionParameter(type=int),
        executor.MAX_SEGMENT_LENGTH: component_spec.ExecutionParameter(type=int),
    }
    INPUTS: ClassVar[dict[str, component_spec.ChannelParameter]] = {}
    OUTPUTS: ClassVar = {
        executor.EXAMPLES: component_spec.ChannelParameter(
            type=standard_artifacts.Examples
        ),
        executor.CATALOGUE: component_spec.ChannelParameter(type=ItemCatalogue),
        executor.REPORT: component_spec.ChannelParameter(type=IngestionReport),
    }


class ActivityExampleGen(base_beam_component.BaseBeamComponent):
    """Turns a log of user activity into timelines, one tf.train.Example per user.

    Reads CSV, Parquet, TFRecord or MovieLens files, puts the events of each user in
    order, and decides which of them each split asks a model to predict. The layout of
    the timelines is in `docs/architecture.md`. Rows that cannot be used are counted;
    too many of them, or a log that cannot be read, fail the run.

    Outputs:
      examples: Examples with the splits train, validation and test, and, where the log
        has spans, newest. Same log and parameters, same bytes.
      catalogue: ItemCatalogue, `items.parquet`.
      report: IngestionReport, `report.json`: what became of the rows, and
        `rejected.jsonl`: samples of those that could not be used.
    """

    SPEC_CLASS = ActivityExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)
    DRIVER_CLASS = driver.Driver

    def __init__(
        self,
        log: config_pb2.ActivityLog,
        catalogue: config_pb2.Catalogue | None = None,
        filters: config_pb2.Filters | None = None,
        split: config_pb2.Split | None = None,
        context_length: int = 50,
        max_segment_length: int = 4096,
        range_config: range_config_pb2.RangeConfig | None = None,
    ) -> None:
        """Makes the component.

        Args:
          log: Where the log is and what its columns mean. `{SPAN}`, `{VERSION}`,
            `{YYYY}`, `{MM}` and `{DD}` in its path work as in TFX's ExampleGens. Times
            written as dates become Unix milliseconds (without a zone: UTC).
          catalogue: What is known of the items.
          filters: Which events are used; left out: all, of users with two or more.
          split: Which split asks for which events; left out: leave-last-out.
          context_length: Events before a target that a model may read: the largest
            `feature_length` of the input spec. Segments overlap by it.
          max_segment_length: Most events of one Example; longer timelines are cut.
          range_config: Which spans to read together, a rolling range that ends with
            the latest one or a static range that must end with a span; left out: the
            latest alone.

        Raises:
          ValueError: The parameters are impossible.
        """
        filters = filters or config_pb2.Filters()
        split = split or config_pb2.Split()
        settings.validate(
            log, catalogue, filters, split, context_length, max_segment_length
        )
        base, pattern = driver.input_base_and_pattern(log.path)
        input_config = example_gen_pb2.Input(
            splits=[example_gen_pb2.Input.Split(name="log", pattern=pattern)]
        )
        super().__init__(
            spec=ActivityExampleGenSpec(
                input_base=base,
                input_config=input_config,
                range_config=range_config,
                log=log,
                catalogue_source=catalogue,
                filters=filters,
                split=split,
                context_length=context_length,
                max_segment_length=max_segment_length,
                examples=types.Channel(type=standard_artifacts.Examples),
                catalogue=types.Channel(type=ItemCatalogue),
                report=types.Channel(type=IngestionReport),
            )
        )
