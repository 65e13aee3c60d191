"""Finds the span, the version and the fingerprint of the log and the catalogue."""

from __future__ import annotations

import os
import re
from typing import Any

from tfx import types
from tfx.components.example_gen import driver, utils
from tfx.dsl.components.base import base_driver
from tfx.dsl.io import fileio
from tfx.orchestration import data_types
from tfx.proto import example_gen_pb2
from tfx.types import standard_component_specs as specs
from tfx.utils import io_utils, proto_utils

from ondevice_rec.components.activity_example_gen import files
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2

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


def _file_pattern(base: str, pattern: str) -> str:
    """Extends a pattern that matches folders to the files in them."""
    wild = pattern
    for spec in (utils.SPAN_FULL_REGEX, utils.VERSION_FULL_REGEX):
        wild = re.sub(spec, "*", wild)
    for spec in utils.DATE_SPECS:
        wild = wild.replace(spec, "*")
    found = fileio.glob(os.path.join(base, wild))
    if found and all(fileio.isdir(name) for name in found):
        return os.path.join(pattern, "*")
    return pattern


class Driver(driver.FileBasedDriver):
    """TFX's driver for files, which also looks at the catalogue.

    Caching compares execution properties, so the catalogue's fingerprint is made part
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
        if exec_properties.get(CATALOGUE_SOURCE):
            catalogue = config_pb2.Catalogue()
            proto_utils.json_to_proto(exec_properties[CATALOGUE_SOURCE], catalogue)
            fingerprint = [exec_properties[utils.FINGERPRINT_PROPERTY_NAME]]
            for path in files.list_files(catalogue.path):
                fingerprint.append(io_utils.generate_fingerprint("catalogue", path))
            exec_properties[utils.FINGERPRINT_PROPERTY_NAME] = "\n".join(fingerprint)
        return exec_properties

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
