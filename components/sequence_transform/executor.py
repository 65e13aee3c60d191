"""TFX's Transform executor, with files of its own and notes of what it learnt."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow_transform as tft
from google.protobuf import json_format, text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.transform import executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import io_utils, path_utils

from ondevice_rec.components import provenance
from ondevice_rec.components.activity_example_gen import shards
from ondevice_rec.components.sequence_transform import transformed_files
from ondevice_rec.components.sequence_transform.preprocessing import (
    EARLIER_KEY,
    INPUT_SPEC_KEY,
)
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.feed.timeline_source import timeline_files
from ondevice_rec.schemas import facts, input_spec_check, input_spec_pb2, timeline
from ondevice_rec.schemas.errors import UserError

logger = logging.getLogger("ondevice_rec.transform")

# An input: the model whose vocabularies' ids are kept.
BASE_MODEL = specs.BASE_MODEL_KEY


class Executor(executor.Executor):
    """Learns the vocabularies by TFX, transforms file by file, notes what it learnt."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        graph_only = {
            key: value
            for key, value in output_dict.items()
            if key != specs.TRANSFORMED_EXAMPLES_KEY
        }
        config = json.loads(exec_properties[specs.CUSTOM_CONFIG_KEY])
        earlier = _earlier(input_dict.get(BASE_MODEL) or [])
        if earlier:
            changed = json.dumps({**config, EARLIER_KEY: earlier})
            exec_properties = {**exec_properties, specs.CUSTOM_CONFIG_KEY: changed}
        super().Do(input_dict, graph_only, exec_properties)
        self._transform_files(input_dict, output_dict)
        graph = artifact_utils.get_single_instance(
            output_dict[specs.TRANSFORM_GRAPH_KEY]
        )
        schema_uri = artifact_utils.get_single_uri(input_dict[specs.SCHEMA_KEY])
        columns = input_spec_check.vocabulary_caps(
            json_format.ParseDict(config[INPUT_SPEC_KEY], input_spec_pb2.InputSpec())
        )
        described = {
            **describe_schema(_read(io_utils.get_only_uri_in_dir(schema_uri))),
            facts.VOCABULARIES: _json(vocabularies(graph.uri, columns)),
        }
        for name, value in described.items():
            graph.set_string_custom_property(name, value)
        provenance.record(output_dict)

    def _transform_files(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
    ) -> None:
        graph = artifact_utils.get_single_uri(output_dict[specs.TRANSFORM_GRAPH_KEY])
        transformed = artifact_utils.get_single_instance(
            output_dict[specs.TRANSFORMED_EXAMPLES_KEY]
        )
        transformed.split_names = artifact_utils.encode_split_names(
            list(timeline.SPLITS)
        )
        files = []
        for split in timeline.SPLITS:
            uris = artifact_utils.get_split_uris(input_dict[specs.EXAMPLES_KEY], split)
            paths = [path for uri in uris for path in timeline_files(uri)]
            files += [
                transformed_files.InputFile(split, path, number, len(paths))
                for number, path in enumerate(paths)
            ]
        with self._make_beam_pipeline() as pipeline:
            transformed_files.transform(pipeline, files, graph, transformed.uri)
        shards.remove_staging(transformed.uri)


def _earlier(models: Sequence[types.Artifact]) -> dict[str, list[str]]:
    """Keys by column of an earlier model, without that of id 0; empty for none."""
    if not models or models[0].get_int_custom_property(facts.ABSENT):
        return {}
    try:
        assets = export.load_assets(path_utils.serving_model_path(models[0].uri))
    except UserError as error:
        # The trainer does not start from it either, and says so.
        logger.warning("ids are not kept: %s", error)
        return {}
    return {column: list(keys)[1:] for column, keys in assets.vocabularies.items()}


def describe_schema(content: bytes) -> dict[str, str]:
    """Properties that tell a schema from another, given its `schema.pbtxt`."""
    schema = text_format.Parse(content, schema_pb2.Schema())
    columns = {f.name: schema_pb2.FeatureType.Name(f.type) for f in schema.feature}
    return {
        facts.SCHEMA_SHA256: hashlib.sha256(content).hexdigest(),
        facts.SCHEMA_COLUMNS: _json(columns),
    }


def vocabularies(
    transform_graph: str, columns: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Number of keys and digest of the vocabulary of each column."""
    graph = tft.TFTransformOutput(transform_graph)
    found = {}
    for column in columns:
        content = _read(graph.vocabulary_file_by_name(column))
        found[column] = {
            "size": content.count(b"\n"),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    return found


def _json(found: Mapping[str, Any]) -> str:
    # Without escapes: ML Metadata 1.16 writes no backslash to PostgreSQL.
    return json.dumps(found, sort_keys=True, ensure_ascii=False)


def _read(path: str) -> bytes:
    with fileio.open(path, "rb") as file:
        return file.read()
