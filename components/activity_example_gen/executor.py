"""Runs the Beam pipeline, and publishes only what adds up."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

import pyarrow.compute as pc
from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils

from ondevice_rec.components import provenance
from ondevice_rec.components.activity_example_gen import (
    catalogue,
    driver,
    driverless,
    files,
    graph,
    moments,
    partitions,
    reading,
    report,
    shards,
    span_range,
)
from ondevice_rec.components.activity_example_gen.plan import Plan
from ondevice_rec.schemas import facts, log_files, log_spans, timeline
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2
from ondevice_rec.schemas.log_files import IngestionError

EXAMPLES = specs.EXAMPLES_KEY
CATALOGUE = "catalogue"
CATALOGUE_SOURCE = driver.CATALOGUE_SOURCE
REPORT = "report"
LOG = driver.LOG
FILTERS = "filters"
SPLIT = "split"
CONTEXT_LENGTH = "context_length"
MAX_SEGMENT_LENGTH = "max_segment_length"

_FIRST_BYTES = 1 << 20

_logger = logging.getLogger("ondevice_rec.activity_example_gen")


class Executor(base_beam_executor.BaseBeamExecutor):
    """Turns a log of activity into timelines."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Reads the log and writes examples, catalogue and report.

        Args:
          input_dict: Nothing.
          output_dict: `examples`, `catalogue` and `report`, one artifact each.
          exec_properties: The component's parameters, with span and version resolved;
            Kubeflow Pipelines runs no driver, nor does Vertex again for a retry: then
            they are resolved here.

        Raises:
          IngestionError: The log or the catalogue cannot be used; nothing is left in
            the output folders.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(output_dict[EXAMPLES])
        items = artifact_utils.get_single_instance(output_dict[CATALOGUE])
        summary = artifact_utils.get_single_instance(output_dict[REPORT])
        if not driverless.is_resolved(exec_properties):
            exec_properties = driverless.resolve(exec_properties, examples)
        try:
            found = self._ingest(exec_properties, examples.uri, items.uri, summary.uri)
        except Exception:
            for artifact in (examples, items, summary):
                _empty(artifact.uri)
            raise
        splits = list(timeline.SPLITS)
        if found["spans"]:
            splits.append(timeline.NEWEST)
            _record_spans(examples, summary, found)
        examples.split_names = artifact_utils.encode_split_names(splits)
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(examples, "tfrecords_gzip")
        for artifact in (examples, summary):
            for name in (facts.ROWS_READ, facts.EVENTS, facts.USERS, facts.ITEMS):
                artifact.set_int_custom_property(name, found[name])
            rejected = sum(found["rejected"].values())
            artifact.set_int_custom_property(facts.ROWS_REJECTED, rejected)
        known = found["catalogue"].get("items", 0)
        items.set_int_custom_property(facts.ITEMS, known)
        provenance.record(output_dict)

    def _ingest(
        self, exec_properties: dict[str, Any], examples: str, items: str, summary: str
    ) -> dict[str, Any]:
        """Writes the three outputs to their folders and returns the report."""
        log = _proto(exec_properties, LOG, config_pb2.ActivityLog())
        source = _optional_catalogue(exec_properties)
        filters = _proto(exec_properties, FILTERS, config_pb2.Filters())
        split = _proto(exec_properties, SPLIT, config_pb2.Split())
        usable = _usable(exec_properties, log, filters)
        paths = [path for found in usable.files.values() for path in found]
        sizes = {path: files.size(path) for path in paths}
        newest = list(usable.files.values())[-1]
        has_spans = log_spans.has_spans(log.path)
        if split.strategy == config_pb2.Split.RANDOM:
            _logger.warning(
                "The split RANDOM lets the model see the future of the events it is "
                "measured on. Use it for comparisons only."
            )
        known = catalogue.read(source)
        for uri in (examples, items, summary):
            fileio.makedirs(uri)
        items_path = os.path.join(items, catalogue.FILE)
        catalogue.write(known.table, items_path)
        timestamps = _timestamps(paths, log, filters)
        plan = Plan(
            log=log,
            filters=filters,
            split=split,
            context_length=exec_properties[CONTEXT_LENGTH],
            max_segment_length=exec_properties[MAX_SEGMENT_LENGTH],
            timestamps=timestamps,
            moments=_moments(split, timestamps),
            files=tuple(paths),
            newest_file=len(paths) - len(newest) if has_spans else None,
            num_partitions=partitions.number_for(sum(sizes.values())),
            catalogue_path=items_path,
            examples_uri=examples,
        )
        tally, counts = self._run(plan, summary)
        found = report.make(tally, sizes, counts.num_rows)
        found["spans"] = report.spans(usable.files, tally) if has_spans else []
        found["spans_left_out"] = usable.left_out
        found["catalogue"] = dict(known.counts)
        if source is not None:
            seen = pc.is_in(
                counts["item"], value_set=known.table["item"].combine_chunks()
            )
            found["catalogue"]["events_without_item"] = tally.get(
                "events_without_catalogue", 0
            )
            found["catalogue"]["items_missing"] = len(counts) - (
                pc.sum(seen).as_py() or 0
            )
        report.require_usable(found, log.max_rejected_fraction)
        _write(os.path.join(summary, report.FILE), json.dumps(found, indent=1) + "\n")
        _write(
            os.path.join(summary, report.REJECTED_FILE), report.rejected_lines(found)
        )
        return found

    def _run(self, plan: Plan, folder: str) -> tuple[dict[str, Any], Any]:
        """Runs the pipeline and returns its tally and the items' counts."""
        tally_path = os.path.join(folder, ".tally.json")
        counts_path = os.path.join(folder, ".items.arrow")
        with self._make_beam_pipeline() as pipeline:
            graph.build(pipeline, plan, tally_path, counts_path)
        with fileio.open(tally_path, "rb") as stream:
            tally = json.loads(stream.read())
        with fileio.open(counts_path, "rb") as stream:
            counts = partitions.read_message(stream.read())
        fileio.remove(tally_path)
        fileio.remove(counts_path)
        shards.remove_staging(plan.examples_uri)
        errors = tally.get("errors", [])
        if errors:
            more = f" ({len(errors) - 1} more such files)" if errors[1:] else ""
            raise IngestionError(errors[0] + more)
        return tally, counts


def _proto(exec_properties: dict[str, Any], key: str, message: Any) -> Any:
    proto_utils.json_to_proto(exec_properties[key], message)
    return message


def _optional_catalogue(exec_properties: dict[str, Any]) -> config_pb2.Catalogue | None:
    if not exec_properties.get(CATALOGUE_SOURCE):
        return None
    return _proto(exec_properties, CATALOGUE_SOURCE, config_pb2.Catalogue())


def _usable(
    exec_properties: dict[str, Any],
    log: config_pb2.ActivityLog,
    filters: config_pb2.Filters,
) -> log_spans.Usable:
    """The files to read; those of a log without spans count as one span."""
    needed = log_files.log_columns(log, filters)
    if log_spans.has_spans(log.path):
        return log_spans.usable(
            log, needed, _spans(exec_properties, log), files.list_files,
            files.open_binary,
        )  # fmt: skip
    config = _proto(exec_properties, specs.INPUT_CONFIG_KEY, example_gen_pb2.Input())
    (split,) = config.splits
    pattern = os.path.join(exec_properties[specs.INPUT_BASE_KEY], split.pattern)
    paths = files.list_files(pattern)
    for path in paths:
        log_files.check_file(path, log, needed, files.open_binary)
    return log_spans.Usable({log_spans.Span(0, None, (pattern,)): paths}, {})


def _spans(
    exec_properties: dict[str, Any], log: config_pb2.ActivityLog
) -> list[log_spans.Span]:
    """The spans that the driver found; without our driver, those there are now."""
    if exec_properties.get(facts.SPANS):
        return span_range.from_json(exec_properties[facts.SPANS])
    asked = None
    if exec_properties.get(specs.RANGE_CONFIG_KEY):
        asked = _proto(
            exec_properties, specs.RANGE_CONFIG_KEY, range_config_pb2.RangeConfig()
        )
    return span_range.spans(log, asked)


def _record_spans(
    examples: types.Artifact, summary: types.Artifact, found: dict[str, Any]
) -> None:
    """Notes the spans that were read."""
    read = [[span["span"], span["version"]] for span in found["spans"]]
    last, version = read[-1]
    # TFX's driver sets custom properties; TFX's components read the plain ones.
    examples.span = last
    if version is not None:
        examples.version = version
    unusable = found["spans_left_out"]
    left_out = "\n".join(f"{name}: {why}" for name, why in unusable.items())
    for artifact in (examples, summary):
        artifact.set_string_custom_property(facts.SPANS, json.dumps(read))
        if left_out:
            artifact.set_string_custom_property(facts.SPANS_LEFT_OUT, left_out)


def _timestamps(
    paths: list[str], log: config_pb2.ActivityLog, filters: config_pb2.Filters
) -> str:
    """Looks at the first rows: does the log have numbers or dates?"""
    for path in paths:
        for block in reading.read_log(path, log, filters, _FIRST_BYTES):
            if block.num_rows:
                return moments.kind_of(block.columns[log.timestamp][:10_000])
    return moments.NUMBERS


def _moments(split: config_pb2.Split, timestamps: str) -> tuple[int, int] | None:
    """Parses the moments of the split, in the unit of the log."""
    if not split.HasField("validation_from"):
        return None
    found = []
    for field in ("validation_from", "test_from"):
        text = getattr(split, field)
        parsed = moments.moment(text, timestamps)
        if parsed is None or parsed[1]:
            wanted = (
                "a date as 2024-12-31 or 2024-12-31T23:59:59Z"
                if timestamps == moments.DATES
                else "a whole non-negative number"
            )
            raise IngestionError(
                f"`split.{field}` must be {wanted}, as the log's timestamps are "
                f"{timestamps}; received {text!r}."
            )
        found.append(parsed[0])
    if found[0] > found[1]:
        raise IngestionError(
            f"`split.validation_from` {split.validation_from} is later than "
            f"`split.test_from` {split.test_from}. Exchange them."
        )
    return found[0], found[1]


def _empty(folder: str) -> None:
    """Removes what is in a folder; the folder itself is TFX's to remove."""
    for name in fileio.listdir(folder) if fileio.exists(folder) else ():
        path = os.path.join(folder, name)
        (fileio.rmtree if fileio.isdir(path) else fileio.remove)(path)


def _write(path: str, text: str) -> None:
    with fileio.open(path, "w") as stream:
        stream.write(text)
