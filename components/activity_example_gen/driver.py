"""Finds the span, the version and the fingerprint of the log and the catalogue."""

from __future__ import annotations

import hashlib
import os
import re
from typing import Any

from tfx import types
from tfx.components.example_gen import driver, utils
from tfx.dsl.components.base import base_driver
from tfx.dsl.io import fileio
from tfx.orchestration import data_types
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.types import standard_component_specs as specs
from tfx.utils import io_utils, proto_utils

from ondevice_rec.components.activity_example_gen import files, span_range
from ondevice_rec.schemas import facts, log_spans
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2

LOG = "log"
# The output that carries the catalogue on is called `catalogue`.
CATALOGUE_SOURCE = "catalogue_source"


def input_base_and_pattern(path: str) -> tuple[str, str]:
    """Divides a path into the folder without patterns, and the pattern below it."""
    parts = path.rstrip("/").split("/")
    first = next(
        (i for i, part in enumerate(parts) if re.search(r"[*?\[{]", part)),
        len(parts) - 1,
    )
    base = "/".join(parts[:first])
    if not base:
        base = "/" if path.startswith("/") else "."
    return base, "/".join(parts[first:])


def _resolve_spans(
    exec_properties: dict[str, Any], log: config_pb2.ActivityLog
) -> None:
    asked = None
    if exec_properties.get(specs.RANGE_CONFIG_KEY):
        asked = range_config_pb2.RangeConfig()
        proto_utils.json_to_proto(exec_properties[specs.RANGE_CONFIG_KEY], asked)
    found = span_range.spans(log, asked)
    fingerprints = [
        io_utils.generate_fingerprint(str(span), pattern)
        for span in found
        for pattern in map(_all_files, span.patterns(log.path))
    ]
    fingerprint = "\n".join(fingerprints)
    if len(found) > 1:
        digest = hashlib.sha256(fingerprint.encode()).hexdigest()
        fingerprint = f"spans:{len(found)},sha256:{digest}"
    # "The latest" is another range every day; what it came to decides on caching.
    exec_properties[specs.RANGE_CONFIG_KEY] = proto_utils.proto_to_json(
        span_range.static(found)
    )
    exec_properties[utils.SPAN_PROPERTY_NAME] = found[-1].number
    exec_properties[utils.VERSION_PROPERTY_NAME] = found[-1].version
    exec_properties[utils.FINGERPRINT_PROPERTY_NAME] = fingerprint
    exec_properties[facts.SPANS] = span_range.to_json(found)


def _all_files(pattern: str) -> str:
    """Extends a folder to the files in it."""
    found = fileio.glob(pattern)
    is_folder = found and all(fileio.isdir(name) for name in found)
    return os.path.join(pattern, "*") if is_folder else pattern


def _file_pattern(base: str, pattern: str) -> str:
    """Extends a pattern that matches folders to the files in them."""
    whole = os.path.join(base, pattern)
    return os.path.join(pattern, "*") if _all_files(whole) != whole else pattern


class Driver(driver.FileBasedDriver):
    """TFX's driver for files, which also reads several spans, and a catalogue.

    TFX's finds one span; a timeline needs the events of all of a window. Caching
    compares execution properties, so the catalogue's fingerprint is made part
    of the input's.
    """

    def resolve_exec_properties(
        self,
        exec_properties: dict[str, Any],
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> dict[str, Any]:
        """Resolves span and version.

        Raises:
          IngestionError: The log's or the catalogue's path matches nothing.
        """
        log = config_pb2.ActivityLog()
        proto_utils.json_to_proto(exec_properties[LOG], log)
        if log_spans.has_spans(log.path):
            _resolve_spans(exec_properties, log)
        else:
            self._resolve_files(exec_properties, pipeline_info, component_info)
        if exec_properties.get(CATALOGUE_SOURCE):
            catalogue = config_pb2.Catalogue()
            proto_utils.json_to_proto(exec_properties[CATALOGUE_SOURCE], catalogue)
            fingerprint = [exec_properties[utils.FINGERPRINT_PROPERTY_NAME]]
            for path in files.list_files(catalogue.path):
                fingerprint.append(io_utils.generate_fingerprint("catalogue", path))
            exec_properties[utils.FINGERPRINT_PROPERTY_NAME] = "\n".join(fingerprint)
        return exec_properties

    def _resolve_files(
        self,
        exec_properties: dict[str, Any],
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> None:
        base = exec_properties[specs.INPUT_BASE_KEY]
        input_config = example_gen_pb2.Input()
        proto_utils.json_to_proto(exec_properties[specs.INPUT_CONFIG_KEY], input_config)
        (split,) = input_config.splits
        split.pattern = _file_pattern(base, split.pattern)
        if not files.is_remote(base):
            files.list_files(os.path.join(base, split.pattern))
        exec_properties[specs.INPUT_CONFIG_KEY] = proto_utils.proto_to_json(
            input_config
        )
        super().resolve_exec_properties(exec_properties, pipeline_info, component_info)

    def _prepare_output_artifacts(
        self,
        input_artifacts: dict[str, list[types.Artifact]],
        output_dict: dict[str, types.Channel],
        exec_properties: dict[str, Any],
        execution_id: int,
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> dict[str, list[types.Artifact]]:
        """Prepares every output; only InteractiveContext asks for it.

        TFX's driver for files prepares the examples alone.
        """
        examples = super()._prepare_output_artifacts(
            input_artifacts,
            output_dict,
            exec_properties,
            execution_id,
            pipeline_info,
            component_info,
        )
        others = {k: v for k, v in output_dict.items() if k not in examples}
        return examples | base_driver.BaseDriver._prepare_output_artifacts(
            self,
            input_artifacts,
            others,
            exec_properties,
            execution_id,
            pipeline_info,
            component_info,
        )
