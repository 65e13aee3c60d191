"""TFX's ExampleValidator executor, with an earlier span to compare with."""

from __future__ import annotations

import os
from typing import Any

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2
from tfx import types
from tfx.components.example_validator import executor, labels
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.components.util.value_utils import GetSoleValue
from tfx.proto.orchestration import execution_result_pb2
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import writer_utils

from ondevice_rec.components import provenance
from ondevice_rec.components.timeline_validator import anomaly_words
from ondevice_rec.schemas import facts, timeline

PREVIOUS_STATISTICS = "previous_statistics"


class Executor(executor.Executor):
    """Validates every split; names what is wrong on the artifact."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> execution_result_pb2.ExecutorOutput:
        """Validates.

        Args:
          input_dict: `statistics`, `schema` and, if there are any,
            `previous_statistics`.
          output_dict: `anomalies`.
          exec_properties: As TFX's.
        """
        statistics = artifact_utils.get_single_instance(
            input_dict[specs.STATISTICS_KEY]
        )
        previous = next(iter(input_dict.get(PREVIOUS_STATISTICS) or []), None)
        self._newest = _of_newest(statistics)
        self._previous = None if previous is None else _of_newest(previous)
        self._words = list[str]()
        result = super().Do(input_dict, output_dict, exec_properties)
        anomalies = artifact_utils.get_single_instance(output_dict[specs.ANOMALIES_KEY])
        anomalies.set_string_custom_property(facts.STATISTICS, statistics.uri)
        if self._words:
            anomalies.set_string_custom_property(
                facts.ANOMALIES, "\n".join(self._words)
            )
        if previous is not None and self._previous is not None:
            anomalies.set_string_custom_property(
                facts.COMPARED_WITH, f"span {previous.span}"
            )
        provenance.record(output_dict)
        (noted,) = result.output_artifacts[specs.ANOMALIES_KEY].artifacts
        noted.CopyFrom(anomalies.mlmd_artifact)
        return result

    def _Validate(  # noqa: N802
        self, inputs: dict[str, Any], outputs: dict[str, Any]
    ) -> anomalies_pb2.Anomalies:
        """Validates one split; called by TFX's `Do`."""
        folder = GetSoleValue(outputs, labels.SCHEMA_DIFF_PATH)
        split = os.path.basename(folder.rstrip("/")).removeprefix("Split-")
        anomalies = tfdv.validate_statistics(
            GetSoleValue(inputs, specs.STATISTICS_KEY),
            GetSoleValue(inputs, specs.SCHEMA_KEY),
            previous_statistics=self._previous if split == timeline.NEWEST else None,
            serving_statistics=self._newest if split == timeline.TRAIN else None,
        )
        writer_utils.write_anomalies(
            os.path.join(folder, executor.DEFAULT_FILE_NAME), anomalies
        )
        self._words += anomaly_words.words(anomalies.SerializeToString(), split)
        return anomalies


def _of_newest(
    statistics: types.Artifact,
) -> statistics_pb2.DatasetFeatureStatisticsList | None:
    """Statistics of the newest span alone; None for a log without spans."""
    splits = artifact_utils.decode_split_names(statistics.split_names)
    if timeline.NEWEST not in splits:
        return None
    return stats_artifact_utils.load_statistics(statistics, timeline.NEWEST).proto()
