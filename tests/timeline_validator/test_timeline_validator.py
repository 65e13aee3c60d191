"""A span against its schema, and against an earlier one."""

from __future__ import annotations

import pathlib

import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_data_validation.statistics import stats_impl
from tfx.types import artifact_utils, standard_artifacts

from ondevice_rec.components.timeline_validator.executor import Executor
from ondevice_rec.components.timeline_validator.previous_statistics import (
    LastGoodStatisticsStrategy,
)
from ondevice_rec.components.topk_evaluator import data_refusals

SCHEMA = """
feature { name: "item" type: BYTES
  drift_comparator { jensen_shannon_divergence { threshold: 0.3 }
                     infinity_norm { threshold: 0.2 } }
  skew_comparator { infinity_norm { threshold: 0.4 } } }
feature { name: "event_count" type: INT value_count { min: 1 max: 1 }
  drift_comparator { jensen_shannon_divergence { threshold: 0.3 } } }
dataset_constraints { num_examples_drift_comparator {
  min_fraction_threshold: 0.5 max_fraction_threshold: 2.0 } }
"""
USUAL = [["a", "b", "c", "d"], ["b", "c"], ["c", "d", "a"], ["d", "a", "b"]] * 5


def statistics(folder: pathlib.Path, span: int, **splits):
    made = standard_artifacts.ExampleStatistics()
    made.uri, made.span = str(folder), span
    made.split_names = artifact_utils.encode_split_names(list(splits))
    for split, histories in splits.items():
        batch = pa.RecordBatch.from_arrays(
            [
                pa.array([[item.encode() for item in items] for items in histories]),
                pa.array([[len(items)] for items in histories]),
            ],
            ["item", "event_count"],
        )
        found = stats_impl.generate_statistics_in_memory(batch, tfdv.StatsOptions())
        target = folder / f"Split-{split}"
        target.mkdir(parents=True)
        (target / "FeatureStats.pb").write_bytes(found.SerializeToString())
    return made


@pytest.fixture
def validate(tmp_path):
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / "schema.pbtxt").write_text(SCHEMA)
    schema = standard_artifacts.Schema()
    schema.uri = str(tmp_path / "schema")

    def run(newest, previous=USUAL, train=USUAL):
        now = statistics(tmp_path / "now", 5, train=train, newest=newest)
        inputs = {"statistics": [now], "schema": [schema], "previous_statistics": []}
        if previous is not None:
            inputs["previous_statistics"] = [
                statistics(tmp_path / "before", 4, newest=previous)
            ]
        anomalies = standard_artifacts.ExampleAnomalies()
        anomalies.uri = str(tmp_path / "anomalies")
        result = Executor().Do(inputs, {"anomalies": [anomalies]}, {})
        (noted,) = result.output_artifacts["anomalies"].artifacts
        known = noted.custom_properties
        assert known["statistics"].string_value == now.uri
        assert len(known["content_sha256"].string_value) == 64
        return (
            known["anomalies"].string_value.splitlines(),
            known["compared_with"].string_value,
        )

    return run


def test_a_usual_day_has_no_anomaly(validate):
    assert validate(USUAL[::-1]) == ([], "span 4")


def test_the_first_day_has_nothing_to_be_compared_with(validate):
    assert validate([["x", "y", "z"]] * 40, previous=None, train=[["x", "y", "z"]]) == (
        [], ""
    )  # fmt: skip


def test_new_items_are_named(validate):
    # As many users, as many events, items of which none was there.
    found, _ = validate([[item + "2" for item in items] for items in USUAL])
    assert any(line.startswith("item (newest): ") for line in found)
    assert any("Jensen-Shannon" in line for line in found)
    assert any("Linfty distance" in line for line in found)
    assert not any("event_count" in line for line in found)


def test_longer_histories_are_named(validate):
    found, _ = validate([items * 3 for items in USUAL])
    assert [line.split(":")[0] for line in found] == ["event_count (newest)"]


def test_ten_times_the_users_are_named(validate):
    found, _ = validate(USUAL * 10)
    (line,) = found
    assert line.startswith("newest: ")
    assert "10" in line


def test_a_day_unlike_what_is_trained_on_is_skew(validate):
    # In training nearly all is "a", on the newest day next to nothing.
    found, _ = validate(USUAL, train=[["a", "a", "a", "a"]] * 20)
    (line,) = found
    assert line.startswith("item (train): ")
    assert "serving" in line


def known(span, number, passed=True):
    found = standard_artifacts.ExampleStatistics()
    found.id, found.uri, found.span = number, f"/statistics/{number}", span
    anomalies = standard_artifacts.ExampleAnomalies()
    anomalies.set_string_custom_property("statistics", found.uri)
    if not passed:
        anomalies.set_string_custom_property("anomalies", "item (newest): no")
    return found, anomalies


@pytest.mark.parametrize(
    ("days", "span", "expected"),
    [
        ([], 1, []),
        # The span itself, read before, is not an earlier one.
        ([(1, 10, True), (2, 11, True)], 2, [10]),
        # A bad day is passed over.
        ([(1, 10, True), (2, 11, False)], 3, [10]),
        # Read again in a better version.
        ([(1, 10, True), (2, 11, False), (2, 12, True)], 3, [12]),
    ],
)
def test_the_last_good_day_counts(days, span, expected):
    pairs = [known(*day) for day in days]
    candidate, _ = known(span, 99)
    found = LastGoodStatisticsStrategy().resolve_artifacts(
        None,
        {
            "candidate": [candidate],
            "statistics": [*(statistics for statistics, _ in pairs), candidate],
            "anomalies": [anomalies for _, anomalies in pairs],
        },
    )
    assert found is not None
    assert [artifact.id for artifact in found["statistics"]] == expected


def test_an_anomaly_is_a_refusal():
    assert data_refusals.of_anomalies([]) == []
    (words,) = data_refusals.of_anomalies([f"f{i} (newest): no" for i in range(7)])
    assert words.startswith("the data have anomalies: f0 (newest): no; f1 (newest)")
    assert words.endswith("f4 (newest): no and 2 more")
