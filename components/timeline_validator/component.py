"""TimelineValidator: are these data what they were?"""

from __future__ import annotations

from typing import ClassVar

from tfx import types
from tfx.components.example_validator.component import ExampleValidator
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.types.component_spec import ChannelParameter
from tfx.utils import json_utils

from ondevice_rec.components.timeline_validator.executor import (
    PREVIOUS_STATISTICS,
    Executor,
)


class TimelineValidatorSpec(specs.ExampleValidatorSpec):
    """TFX's, with the statistics of an earlier span."""

    INPUTS: ClassVar = {
        **specs.ExampleValidatorSpec.INPUTS,
        PREVIOUS_STATISTICS: ChannelParameter(
            type=standard_artifacts.ExampleStatistics, optional=True
        ),
    }


class TimelineValidator(ExampleValidator):
    """TFX's ExampleValidator, which also compares spans.

    Where the timelines have the split newest, it is compared with that of an earlier
    span by the schema's drift comparators, and the train split with it by the skew
    comparators. TFX's ExampleValidator hands TFDV one set of statistics only; its
    DistributionValidator takes thresholds from the pipeline's code, not the schema.

    Output: `anomalies` (ExampleAnomalies; custom properties `anomalies`, in words, and
    `compared_with`).
    """

    SPEC_CLASS = TimelineValidatorSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        statistics: types.BaseChannel,
        schema: types.BaseChannel,
        previous_statistics: types.BaseChannel | None = None,
    ) -> None:
        """Creates the component.

        Args:
          statistics: Of the timelines, by StatisticsGen.
          schema: What they must be, with thresholds for drift and skew.
          previous_statistics: Of the span to compare with, see
            `previous_statistics.py`; it may be empty.
        """
        # TFX's own constructor knows no further inputs.
        BaseComponent.__init__(
            self,
            TimelineValidatorSpec(
                statistics=statistics,
                schema=schema,
                previous_statistics=previous_statistics,
                exclude_splits=json_utils.dumps([]),
                anomalies=types.Channel(type=standard_artifacts.ExampleAnomalies),
            ),
        )
        self.with_id("ExampleValidator")
