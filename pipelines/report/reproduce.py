"""How to make the run again: code, data, settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from ondevice_rec.lineage import tfx_names
from ondevice_rec.lineage.graph import ArtifactNode
from ondevice_rec.lineage.parameters import json_object
from ondevice_rec.pipelines.report.missing import Missing
from ondevice_rec.pipelines.report.run_record import RunRecord
from ondevice_rec.schemas import facts, pipeline_config_pb2


@dataclass(frozen=True)
class Origin:
    """The code that wrote artifacts, and who ran it.

    Attributes:
      nodes: The components whose artifacts it wrote.
      package_version: Of ondevice-rec; None where not recorded.
      git_commit: Of ondevice-rec, where it ran from a checkout.
      tfx_version: Of TFX.
      user: Who ran it.
      host: On which machine.
    """

    nodes: Sequence[str]
    package_version: str | None
    git_commit: str | None
    tfx_version: str | None
    user: str | None
    host: str | None


@dataclass(frozen=True)
class Reproduction:
    """How to make the run again.

    Attributes:
      origins: Several where components came from the cache of other code.
      fingerprints: Of the input data, a line for each of its parts.
      config: The configuration, as YAML; "" where it cannot be told.
      without_config: Why not, in words.
    """

    origins: Sequence[Origin]
    fingerprints: Sequence[str]
    config: str
    without_config: str = ""


def collect(record: RunRecord) -> Reproduction:
    """Gathers what is recorded.

    Raises:
      Missing: nothing is.
    """
    if not record.nodes:
        raise Missing(record.why_not())
    config, why = "", ""
    try:
        config = _config(record)
    except Missing as error:
        why = str(error)
    origins = _origins(record)
    if not origins and not config:
        raise Missing(why)
    return Reproduction(origins, _fingerprints(record), config, why)


def _origins(record: RunRecord) -> list[Origin]:
    found: dict[tuple[str | None, ...], list[str]] = {}
    for node in record.nodes:
        for artifact in node.outputs[-1:]:
            found.setdefault(_origin(artifact), []).append(node.name)
    # TFX's own components record nothing but TFX's version: ours record that too.
    ours = {key: nodes for key, nodes in found.items() if key[0] is not None}
    return [Origin(nodes, *key) for key, nodes in (ours or found).items()]


def _origin(artifact: ArtifactNode) -> tuple[str | None, ...]:
    names = (facts.PACKAGE_VERSION, facts.GIT_COMMIT, tfx_names.TFX_VERSION)
    return tuple(artifact.text(name) for name in (*names, facts.USER, facts.HOST))


def _fingerprints(record: RunRecord) -> list[str]:
    for artifact in record.outputs(tfx_names.EXAMPLES):
        text = artifact.text(facts.INPUT_FINGERPRINT)
        if text:
            return text.splitlines()
    return []


def _config(record: RunRecord) -> str:
    """The configuration, put together from what components were called with."""
    given = {node.name: node.execution.properties for node in record.nodes}
    ingestion = given.get("ActivityExampleGen", {})
    trainer = json_object(given.get("RecommendationTrainer", {}), "custom_config")
    transform = json_object(given.get("SequenceTransform", {}), "custom_config")
    tuner = json_object(given.get("Tuner", {}), "custom_config")
    evaluator = given.get("TopKEvaluator", {})
    pusher = given.get("TFLitePusher", {})
    if tfx_names.LOG not in ingestion or "input_spec" not in transform:
        raise Missing(
            f"{record.why_not()} The configuration is known once the log was read and "
            "transformed by this project's components."
        )
    config = pipeline_config_pb2.PipelineConfig(pipeline_name=record.run.pipeline)
    for message, text in (
        (config.log, ingestion[tfx_names.LOG]),
        (config.catalogue, ingestion.get("catalogue_source")),
        (config.filters, ingestion.get("filters")),
        (config.split, ingestion.get("split")),
        (config.input_spec, transform["input_spec"]),
        (config.hparams, trainer.get("hparams")),
        (config.training, trainer.get("training")),
        (config.tuning, tuner.get("tuning")),
        (config.evaluation, evaluator.get("evaluation_config")),
        (config.serving, pusher.get("serving")),
    ):
        if isinstance(text, dict):
            # As text within the component's JSON it was in earlier releases.
            text = json.dumps(text)
        if isinstance(text, str) and text not in ("", "null", "{}"):
            _parse(text, message)
    for name, properties in given.items():
        if name == "ImportSchemaGen" and "schema_file" in properties:
            config.schema = str(properties["schema_file"])
    if int(transform.get("min_vocab_count", 1)) != 1:
        config.min_vocab_count = int(transform["min_vocab_count"])
    if not config.serving.push_dir and pusher.get("push_dir"):
        config.serving.push_dir = str(pusher["push_dir"])
    return yaml.safe_dump(
        _plain(config), sort_keys=False, allow_unicode=True, default_flow_style=None
    )


def _parse(text: str, message: Message) -> None:
    try:
        json_format.Parse(text, message)
    except json_format.ParseError as error:
        raise Missing(
            f"The settings were written by another release: {error}."
        ) from error


def _plain(message: Message) -> dict[str, Any]:
    """Fields that are set, by name."""
    found = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return _with_integers(found, message.DESCRIPTOR)


def _with_integers(found: dict[str, Any], kind: Any) -> dict[str, Any]:
    """The same with numbers in place of wide integers' digits, as JSON has them."""
    return {name: _value(v, kind.fields_by_name[name]) for name, v in found.items()}


def _value(value: Any, field: FieldDescriptor) -> Any:
    if isinstance(value, list):
        return [_value(each, field) for each in value]
    if isinstance(value, dict):
        return _with_integers(value, field.message_type)
    if field.cpp_type == FieldDescriptor.CPPTYPE_INT64:
        return int(value)
    return value
