"""Measures a model on the test split and decides whether it is blessed."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from tfx import types
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils, proto_utils

from ondevice_rec.components import provenance
from ondevice_rec.components.topk_evaluator import (
    beam_pipeline,
    config_check,
    gate,
    statistics,
    tfma_results,
)
from ondevice_rec.components.topk_evaluator.slices import OVERALL
from ondevice_rec.components.topk_evaluator.statistics import SliceResult
from ondevice_rec.recommendation import export, ranking
from ondevice_rec.recommendation.timeline_source import timeline_files
from ondevice_rec.schemas import facts, timeline
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.pipeline_config_pb2 import Evaluation

logger = logging.getLogger("ondevice_rec.evaluator")

# As TFX's Evaluator names them.
BLESSED_FILE = "BLESSED"
NOT_BLESSED_FILE = "NOT_BLESSED"
REFUSAL_FILE = "refusal.txt"

_STATISTICS_FILE = "statistics.json"

Artifacts = dict[str, list[types.Artifact]]


class Executor(BaseBeamExecutor):
    """Executor of `TopKEvaluator`."""

    def Do(  # noqa: N802
        self,
        input_dict: Artifacts,
        output_dict: Artifacts,
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates a model.

        Args:
          input_dict: `examples` (transformed timelines), `model`.
          output_dict: `evaluation`, `blessing`.
          exec_properties: `evaluation_config`, an Evaluation as JSON.

        Raises:
          ValueError: the test split has no query, or the configuration does not suit
            the model.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        config = proto_utils.json_to_proto(
            exec_properties["evaluation_config"], Evaluation()
        )
        model = artifact_utils.get_single_instance(input_dict["model"])
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        saved_model_dir = path_utils.serving_model_path(model.uri)
        spec = export.load_assets(saved_model_dir).input_spec
        config_check.check(config, spec)

        results = self.measure(
            input_dict["examples"], saved_model_dir, config, evaluation.uri
        )
        checks = gate.checks(config, results)
        refusals = [
            *unusable_weights(saved_model_dir),
            *(check.refusal for check in checks if check.refusal),
        ]
        tfma_results.write(
            evaluation.uri,
            results,
            checks,
            refusals,
            model.uri,
            artifact_utils.get_split_uris(input_dict["examples"], timeline.TEST)[0],
        )
        write_metrics(evaluation, results, spec.label_feature.vocab_size, refusals)
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        write_blessing(
            blessing, model, refusals, exec_properties.get("current_component_id")
        )
        if not refusals:
            blessing.set_string_custom_property(facts.REASON, gate.reason(checks))
        provenance.record(output_dict)

    def measure(
        self,
        examples: Sequence[types.Artifact],
        saved_model_dir: str,
        config: Evaluation,
        work_dir: str,
    ) -> dict[str, SliceResult]:
        """Ranks every query of the test split.

        Args:
          examples: Transformed timelines.
          saved_model_dir: The model.
          config: The k's and slices.
          work_dir: Folder the Beam pipeline hands its result over in.

        Returns:
          Metrics by slice, `OVERALL` among them.

        Raises:
          UserError: there is no query.
        """
        top_k = ranking.checked_top_k(config.top_k)
        files = {
            split: [
                file
                for uri in artifact_utils.get_split_uris(list(examples), split)
                for file in timeline_files(uri)
            ]
            for split in (timeline.TRAIN, timeline.TEST)
        }
        path = os.path.join(work_dir, _STATISTICS_FILE)
        with self._make_beam_pipeline() as pipeline:
            found = beam_pipeline.rank_queries(
                pipeline,
                files[timeline.TRAIN],
                files[timeline.TEST],
                saved_model_dir,
                top_k,
                config.slices,
            )
            _ = found | "Write" >> beam.Map(beam_pipeline.write_json, path)
        totals = statistics.from_json(io_utils.read_string_file(path))
        fileio.remove(path)
        if OVERALL not in totals:
            raise UserError(
                f"No query in the {timeline.TEST} split "
                f"({os.path.dirname(files[timeline.TEST][0])}): no timeline has a "
                "target with an event before it. Use more data, or another `split`."
            )
        return statistics.results(totals, top_k)


def unusable_weights(saved_model_dir: str) -> list[str]:
    """Says which weights of a model are no numbers, as a refusal; empty for none.

    A score that is NaN compares with nothing, so a rank alone does not show it.
    """
    weights = tf.train.load_checkpoint(
        os.path.join(
            saved_model_dir,
            tf.saved_model.VARIABLES_DIRECTORY,
            tf.saved_model.VARIABLES_FILENAME,
        )
    )
    broken = 0
    for name, dtype in weights.get_variable_to_dtype_map().items():
        if dtype.is_floating:
            values = weights.get_tensor(name)
            broken += int(values.size - np.isfinite(values).sum())
    if not broken:
        return []
    return [f"{broken:,} of the model's weights are NaN or infinite"]


def write_metrics(
    evaluation: types.Artifact,
    results: Mapping[str, SliceResult],
    vocab_size: int,
    refusals: Sequence[str],
) -> None:
    """Writes `metrics.json` and the metrics of all queries as custom properties."""
    content = {
        "vocab_size": vocab_size,
        "blessed": not refusals,
        "refusals": list(refusals),
        "slices": {name: dataclasses.asdict(r) for name, r in results.items()},
    }
    io_utils.write_string_file(
        os.path.join(evaluation.uri, statistics.METRICS_FILE),
        json.dumps(content, indent=2, ensure_ascii=False) + "\n",
    )
    overall = results[OVERALL]
    for name, value in overall.candidate.items():
        if name == facts.QUERY_COUNT:
            continue
        evaluation.set_float_custom_property(name, value)
        evaluation.set_float_custom_property(
            facts.POPULARITY_PREFIX + name, overall.popularity[name]
        )
    evaluation.set_int_custom_property(facts.QUERY_COUNT, overall.queries)
    evaluation.set_int_custom_property(facts.VOCAB_SIZE, vocab_size)
    evaluation.set_string_custom_property(facts.SLICE_METRICS, slice_metrics(results))


def slice_metrics(results: Mapping[str, SliceResult]) -> str:
    """The model's metrics of the slices with most queries, as JSON, to six digits."""
    named = [(name, r) for name, r in results.items() if name != OVERALL]
    largest = sorted(named, key=lambda pair: -pair[1].queries)[: facts.MAX_SLICES]
    return json.dumps(
        {
            name: {k: float(f"{v:.6g}") for k, v in result.candidate.items()}
            for name, result in sorted(largest, key=lambda pair: pair[0])
        },
        ensure_ascii=False,
    )


def write_blessing(
    blessing: types.Artifact,
    model: types.Artifact,
    refusals: Sequence[str],
    component_id: str | None,
) -> None:
    """Blesses or refuses a model, as TFX's Evaluator marks it, and says why."""
    blessing.set_string_custom_property(facts.CURRENT_MODEL, model.uri)
    blessing.set_int_custom_property(facts.CURRENT_MODEL_ID, model.id)
    if component_id:
        blessing.set_string_custom_property(facts.COMPONENT_ID, component_id)
    blessing.set_int_custom_property(facts.BLESSED, int(not refusals))
    if not refusals:
        io_utils.write_string_file(os.path.join(blessing.uri, BLESSED_FILE), "")
        logger.info("the model is blessed")
        return
    io_utils.write_string_file(os.path.join(blessing.uri, NOT_BLESSED_FILE), "")
    io_utils.write_string_file(
        os.path.join(blessing.uri, REFUSAL_FILE), "".join(f"{r}\n" for r in refusals)
    )
    blessing.set_string_custom_property(facts.REFUSAL, "; ".join(refusals))
    for refusal in refusals:
        logger.warning("the model is not blessed: %s", refusal)
