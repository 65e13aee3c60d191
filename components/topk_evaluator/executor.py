"""Measures a model on the test split and decides whether it is blessed."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from tfx import types
from tfx.components.evaluator import executor as tfx_evaluator
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils, proto_utils

from ondevice_rec.components import provenance
from ondevice_rec.components.topk_evaluator import (
    beam_pipeline,
    blessed,
    config_check,
    data_refusals,
    example_lists,
    gate,
    outputs,
    tfma_results,
)
from ondevice_rec.components.topk_evaluator.plan import BLESSED, CANDIDATE, Plan
from ondevice_rec.components.topk_evaluator.results import results
from ondevice_rec.components.topk_evaluator.slices import OVERALL
from ondevice_rec.components.topk_evaluator.statistics import Statistics
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.export.assets import ModelAssets
from ondevice_rec.recommendation.feed.timeline_source import timeline_files
from ondevice_rec.schemas import facts, timeline
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.pipeline_config_pb2 import Evaluation

_STATISTICS_FILE = "statistics.npz"
_TFLITE_FILE = "measured.tflite"

Artifacts = dict[str, list[types.Artifact]]


class Executor(tfx_evaluator.Executor):
    """Executor of `TopKEvaluator`.

    Nothing of TFX's Evaluator is used. Being one makes TFX's entrypoint for Kubeflow
    write the model's name for its id into the blessing, by which the next run finds it.
    """

    def Do(  # noqa: N802
        self,
        input_dict: Artifacts,
        output_dict: Artifacts,
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates a model.

        Args:
          input_dict: `examples` (transformed timelines), `model`, and, if there are
            any, `baseline_model` and `anomalies`.
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
        assets = export.load_assets(saved_model_dir)
        config_check.check(config, assets.input_spec, assets.hparams.num_predictions)
        baseline = input_dict.get("baseline_model") or []
        blessed_dir, left_out = _blessed(baseline, model, assets)
        plan = make_plan(config, saved_model_dir, blessed_dir, assets)

        statistics = self.measure(input_dict["examples"], plan, evaluation.uri)
        measured = results(statistics, plan)
        checks = gate.checks(config, measured, plan.top_k, left_out)
        refusals = [
            *unusable_weights(saved_model_dir),
            *gate.not_numbers(measured),
            *data_refusals.refusals(statistics.data, _vocab_size(assets)),
            *data_refusals.of_anomalies(_anomalies(input_dict)),
            *(check.refusal for check in checks if check.refusal),
        ]
        uris = dict.fromkeys(plan.models, "") | {CANDIDATE: model.uri}
        if blessed_dir:
            uris[BLESSED] = baseline[0].uri
        tfma_results.write(
            evaluation.uri,
            measured,
            checks,
            refusals,
            uris,
            artifact_utils.get_split_uris(input_dict["examples"], timeline.TEST)[0],
        )
        outputs.write_metrics(
            evaluation, measured, plan, _vocab_size(assets), refusals, left_out
        )
        example_lists.write(
            evaluation.uri,
            _split_files(input_dict["examples"], timeline.TEST),
            plan,
            assets,
        )
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        outputs.write_blessing(
            blessing, model, refusals, exec_properties.get("current_component_id")
        )
        if not refusals:
            blessing.set_string_custom_property(facts.REASON, gate.reason(checks))
        provenance.record(output_dict)

    def measure(
        self, examples: Sequence[types.Artifact], plan: Plan, work_dir: str
    ) -> Statistics:
        """Ranks every query of the test split.

        Args:
          examples: Transformed timelines.
          plan: What is measured.
          work_dir: Folder the Beam pipeline is given files in, and hands its result
            over in.

        Raises:
          UserError: there is no query.
        """
        files = {
            split: _split_files(examples, split)
            for split in (timeline.TRAIN, timeline.TEST)
        }
        if plan.tflite_path:
            path = os.path.join(work_dir, plan.tflite_path)
            io_utils.write_bytes_file(
                path, export.convert_to_tflite(plan.saved_model_dir)
            )
            plan = dataclasses.replace(plan, tflite_path=path)
        path = os.path.join(work_dir, _STATISTICS_FILE)
        with self._make_beam_pipeline() as pipeline:
            found = beam_pipeline.rank_queries(
                pipeline, files[timeline.TRAIN], files[timeline.TEST], plan
            )
            _ = found | "Write" >> beam.Map(beam_pipeline.write, path)
        totals = Statistics.from_bytes(io_utils.read_bytes_file(path))
        fileio.remove(path)
        if plan.tflite_path:
            fileio.remove(plan.tflite_path)
        if OVERALL not in totals.sums:
            raise UserError(
                f"No query in the {timeline.TEST} split "
                f"({os.path.dirname(files[timeline.TEST][0])}): no timeline has a "
                "target with an event before it. Use more data, or another `split`."
            )
        return totals


def _split_files(examples: Sequence[types.Artifact], split: str) -> list[str]:
    return [
        file
        for uri in artifact_utils.get_split_uris(list(examples), split)
        for file in timeline_files(uri)
    ]


def make_plan(
    config: Evaluation, saved_model_dir: str, blessed_dir: str, assets: ModelAssets
) -> Plan:
    """What a configuration asks for.

    Args:
      config: The configuration, checked.
      saved_model_dir: The candidate.
      blessed_dir: SavedModel of the latest blessed model; empty for none.
      assets: What travels with the candidate.
    """
    with_intervals = {
        threshold.slice for threshold in config.thresholds if threshold.confident
    }
    return Plan(
        saved_model_dir=saved_model_dir,
        tflite_path=_TFLITE_FILE if config_check.from_lists(config) else "",
        blessed_dir=blessed_dir,
        top_k=config_check.measured_top_k(config, assets.hparams.num_predictions),
        slice_names=tuple(config.slices),
        cold_item_events=config.cold_item_events,
        exclude_seen=config.exclude_seen,
        replicates=config.bootstrap_replicates,
        seed=config.bootstrap_seed,
        slices_with_intervals=frozenset(with_intervals - {""} | {OVERALL}),
    )


def _blessed(
    baseline: Sequence[types.Artifact], model: types.Artifact, candidate: ModelAssets
) -> tuple[str, str]:
    """SavedModel of the latest blessed model, or why it is not measured."""
    if not baseline:
        return "", "there is none yet"
    artifact = artifact_utils.get_single_instance(list(baseline))
    if artifact.get_int_custom_property(facts.ABSENT):
        return "", "there is none yet"
    folder = path_utils.serving_model_path(artifact.uri)
    if blessed.is_same(folder, path_utils.serving_model_path(model.uri)):
        return "", "it is this very model"
    why = blessed.why_not(folder, candidate)
    if why:
        return "", f"{why} ({artifact.uri})"
    return folder, ""


def _anomalies(input_dict: Artifacts) -> list[str]:
    """What TimelineValidator found, in words."""
    return [
        line
        for anomalies in input_dict.get("anomalies") or []
        for line in anomalies.get_string_custom_property(facts.ANOMALIES).splitlines()
    ]


def _vocab_size(assets: ModelAssets) -> int:
    return int(assets.input_spec.label_feature.vocab_size)


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
