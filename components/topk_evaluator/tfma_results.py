"""The evaluation as TFMA writes it, for `tfma.load_eval_result` and its views.

The metrics are TFMA's comparison of a candidate with a baseline: model names
"candidate" and "popularity", and the difference; beside them "markov" and "blessed".
`tfma.load_eval_result(uri)` gives the candidate's. The 95 % intervals stand where TFMA
puts its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import tensorflow as tf
import tensorflow_model_analysis as tfma
from google.protobuf import json_format
from tensorflow_model_analysis.proto import (
    config_pb2,
    metrics_for_slice_pb2,
    validation_result_pb2,
)
from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer

from ondevice_rec.components.topk_evaluator import gate
from ondevice_rec.components.topk_evaluator.config_check import more_is_better
from ondevice_rec.components.topk_evaluator.plan import CANDIDATE, POPULARITY
from ondevice_rec.components.topk_evaluator.results import SliceResult
from ondevice_rec.components.topk_evaluator.slices import OVERALL

SliceKey = tuple[tuple[str, str], ...]


def write(
    output_dir: str,
    results: Mapping[str, SliceResult],
    checks: Sequence[gate.Check],
    refusals: Sequence[str],
    model_uris: Mapping[str, str],
    examples_uri: str,
) -> None:
    """Writes metrics, validation result and evaluation config.

    Args:
      output_dir: The evaluation's folder.
      results: Metrics by slice.
      checks: What the model was held against.
      refusals: Why the model is refused; empty for a blessed one.
      model_uris: Where each model is, for display; "" for those made of counts.
      examples_uri: Where the timelines are, for display.
    """
    metrics = [_metrics(name, result) for name, result in results.items()]
    _write_records(
        os.path.join(output_dir, "metrics-00000-of-00001.tfrecord"),
        [message.SerializeToString() for message in metrics],
    )
    validation = _validation(checks, refusals)
    # `load_validation_result` reads the name without a suffix by default, TFMA's
    # own evaluator writes this one; the pattern it reads by matches both.
    _write_records(
        os.path.join(output_dir, "validations.tfrecord"),
        [validation.SerializeToString()],
    )
    run = config_pb2.EvalRun(
        eval_config=_eval_config(results, checks),
        version=tfma.VERSION_STRING,
        data_location=examples_uri,
        file_format="tfrecords",
        model_locations=model_uris,
    )
    with tf.io.gfile.GFile(os.path.join(output_dir, "eval_config.json"), "w") as file:
        file.write(json_format.MessageToJson(run, sort_keys=True))


def _metrics(
    slice_name: str, result: SliceResult
) -> metrics_for_slice_pb2.MetricsForSlice:
    intervals = result.intervals()
    values = {}
    ends = {}
    for model, named in result.metrics.items():
        for name, value in named.items():
            key = tfma.metrics.MetricKey(name, model_name=model)
            values[key] = value
            if name in intervals.get(model, {}):
                ends[(model, name)] = intervals[model][name]
    for name, value in result.metrics[CANDIDATE].items():
        key = tfma.metrics.MetricKey(name, model_name=CANDIDATE).make_diff_key()
        values[key] = value - result.metrics[POPULARITY][name]
    convert = metrics_plots_and_validations_writer.convert_slice_metrics_to_proto
    message = convert((_slice_key(slice_name), values), None)
    for entry in message.metric_keys_and_values:
        found = ends.get((entry.key.model_name, entry.key.name))
        if found and not entry.key.is_diff:
            entry.confidence_interval.lower_bound.double_value.value = found[0]
            entry.confidence_interval.upper_bound.double_value.value = found[1]
    return message


def _validation(
    checks: Sequence[gate.Check], refusals: Sequence[str]
) -> validation_result_pb2.ValidationResult:
    result = validation_result_pb2.ValidationResult(validation_ok=not refusals)
    failures = {}
    for check in checks:
        if check.left_out:
            continue
        details = result.validation_details.slicing_details.add(
            num_matching_slices=int(check.value is not None)
        )
        details.slicing_spec.CopyFrom(_slicing_spec(check.slice))
        if check.value is None:
            result.missing_slices.append(_slicing_spec(check.slice))
        if not check.refusal:
            continue
        if check.slice not in failures:
            failures[check.slice] = result.metric_validations_per_slice.add()
            failures[check.slice].slice_key.CopyFrom(
                tfma.slicer.slicer_lib.serialize_slice_key(_slice_key(check.slice))
            )
        failure = failures[check.slice].failures.add(message=check.refusal)
        failure.metric_key.name = check.metric
        failure.metric_key.model_name = CANDIDATE
        failure.metric_key.is_diff = check.baseline == POPULARITY
        failure.metric_threshold.CopyFrom(_metric_threshold(check))
        if check.value is not None:
            failure.metric_value.double_value.value = check.value
    return result


def _eval_config(
    results: Mapping[str, SliceResult], checks: Sequence[gate.Check]
) -> config_pb2.EvalConfig:
    config = config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(name=model, is_baseline=model == POPULARITY)
            for model in results[OVERALL].metrics
        ],
        slicing_specs=[
            config_pb2.SlicingSpec(feature_keys=[name])
            for name in dict.fromkeys(s.partition("=")[0] for s in results)
            if name != OVERALL
        ],
    )
    config.slicing_specs.add()
    spec = config.metrics_specs.add(model_names=[CANDIDATE])
    for check in checks:
        if check.left_out:
            continue
        thresholds = spec.per_slice_thresholds[check.metric].thresholds
        thresholds.add(
            slicing_specs=[_slicing_spec(check.slice)],
            threshold=_metric_threshold(check),
        )
    return config


def _metric_threshold(check: gate.Check) -> config_pb2.MetricThreshold:
    """As TFMA writes it; it knows one baseline, what others demand is a number."""
    threshold = config_pb2.MetricThreshold()
    if check.lower is not None:
        threshold.value_threshold.lower_bound.value = check.lower
    elif check.upper is not None:
        threshold.value_threshold.upper_bound.value = check.upper
    elif check.baseline == POPULARITY:
        change = threshold.change_threshold
        change.direction = (
            config_pb2.HIGHER_IS_BETTER
            if more_is_better(check.metric)
            else config_pb2.LOWER_IS_BETTER
        )
        if check.ratio is not None:
            change.relative.value = check.ratio - 1
        else:
            change.absolute.value = check.difference
    elif check.base is not None:
        threshold.value_threshold.lower_bound.value = (
            check.ratio * check.base
            if check.ratio is not None
            else check.base + (check.difference or 0.0)
        )
    return threshold


def _slice_key(slice_name: str) -> SliceKey:
    if slice_name == OVERALL:
        return ()
    name, _, value = slice_name.partition("=")
    return ((name, value),)


def _slicing_spec(slice_name: str) -> config_pb2.SlicingSpec:
    return config_pb2.SlicingSpec(feature_values=dict(_slice_key(slice_name)))


def _write_records(path: str, records: Sequence[bytes]) -> None:
    with tf.io.TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)
