"""Several spans read as one log."""

from __future__ import annotations

import json

import pytest

from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2
from ondevice_rec.schemas.log_files import IngestionError

HEADER = "user,item,time\n"


@pytest.fixture
def spans(tmp_path):
    """Writes spans; the log that they make."""

    def write(contents, spans=None, **window):
        for name, content in contents.items():
            folder = tmp_path / "logs" / name
            folder.mkdir(parents=True)
            (folder / "log.csv").write_text(content)
        log = config_pb2.ActivityLog(
            path=str(tmp_path / "logs" / "span-{SPAN}" / "v{VERSION}"),
            user="user",
            item="item",
            timestamp="time",
        )
        log.window.CopyFrom(config_pb2.Window(spans=spans, **window))
        return log

    return write


def events(*rows):
    return HEADER + "".join(f"{user},{item},{time}\n" for user, item, time in rows)


def ranged(log, span=None):
    from ondevice_rec.components.activity_example_gen import span_range

    return {"range_config": span_range.of(log, span)}


DAYS = {
    "span-1/v1": events(("ann", "old", 1), ("bob", "old", 1)),
    "span-2/v1": events(("ann", "wrong", 20)),
    "span-2/v3": events(("ann", "a", 20), ("ann", "b", 21), ("bob", "a", 25)),
    # A late event of an earlier day.
    "span-4/v1": events(("bob", "b", 40), ("ann", "c", 41), ("ann", "d", 19)),
}


def test_a_users_events_of_all_spans_are_one_timeline(ingest, spans):
    log = spans(DAYS, 3)
    found = ingest(log, **ranged(log))
    # Of span 2 version 3 alone; span 1 is out of the window, span 3 never came.
    assert found.report["spans"] == [
        {"span": 2, "version": 3, "files": [found.report["files"][0]["path"]],
         "rows": 3, "rejected": 0},
        {"span": 4, "version": 1, "files": [found.report["files"][1]["path"]],
         "rows": 3, "rejected": 0},
    ]  # fmt: skip
    (ann,) = [e for e in found.examples["test"] if e["user"] == ["ann"]]
    assert ann["item"] == ["d", "a", "b", "c"]
    assert ann["event_count"] == [4]
    examples = found.artifacts["examples"]
    assert (examples.span, examples.version) == (4, 1)
    assert json.loads(examples.get_string_custom_property("spans")) == [[2, 3], [4, 1]]
    assert examples.split_names == '["train", "validation", "test", "newest"]'


def test_the_newest_span_is_there_by_itself_for_statistics(ingest, spans):
    log = spans(DAYS)
    found = ingest(log, **ranged(log))
    newest = {e["user"][0]: e for e in found.examples["newest"]}
    # Whole, whatever `filters.min_timeline` leaves out of the training.
    assert newest["ann"]["item"] == ["d", "c"]
    assert newest["bob"]["item"] == ["b"]
    assert (newest["ann"]["event_count"], newest["bob"]["event_count"]) == ([2], [1])
    assert newest["ann"]["target"] == [0, 0]


def test_an_earlier_span_can_be_asked_for(ingest, spans):
    log = spans(DAYS)
    found = ingest(log, **ranged(log, 2))
    assert [span["span"] for span in found.report["spans"]] == [1, 2]
    log.window.exclude.append(1)
    found = ingest(log, **ranged(log, 2))
    assert [span["span"] for span in found.report["spans"]] == [2]
    with pytest.raises(IngestionError, match=r"matches no span 3\. There are: 2, 4"):
        ingest(log, **ranged(log, 3))


GOOD = events(*((f"u{u}", f"i{t}", t) for u in range(5) for t in range(4)))
HALF_BAD = GOOD + "u0,i9,soon\n" * 20


@pytest.mark.parametrize(
    ("newest", "words"),
    [
        (HEADER, r"Span 2 is empty: .*span-2.* has no rows"),
        ("", r"span 2 version 1 cannot be used: .* is empty"),
        ("user,item,when\nu,i,1\n", r"span 2 .*has no column `time`"),
        (HALF_BAD, r"20 of 40 rows of span 2 cannot be used"),
    ],
)
def test_a_newest_span_that_cannot_be_used_fails(ingest, spans, newest, words):
    # One bad day of many would not exceed the limit by its share of all.
    many = events(*((f"v{u}", f"i{t}", t) for u in range(200) for t in range(4)))
    log = spans({"span-1/v1": many, "span-2/v1": newest}, 2)
    with pytest.raises(IngestionError, match=words):
        ingest(log, **ranged(log))


def test_an_older_span_that_cannot_be_used_is_left_out_and_told(ingest, spans):
    log = spans(
        {"span-1/v1": "", "span-2/v1": HALF_BAD, "span-3/v1": HEADER,
         "span-4/v1": GOOD},
    )  # fmt: skip
    found = ingest(log, **ranged(log))
    assert [(s["span"], s["rows"]) for s in found.report["spans"]] == [
        (2, 40), (3, 0), (4, 20)
    ]  # fmt: skip
    assert found.report["rows_read"] == 60
    assert found.report["filtered"] == {"duplicate": 20}
    left_out = found.artifacts["report"].get_string_custom_property("spans_left_out")
    assert left_out.startswith("span 1 version 1: ")
