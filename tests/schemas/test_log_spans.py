"""Which spans there are, and which of them a run reads."""

from __future__ import annotations

import datetime

import pytest

from ondevice_rec.schemas import log_check, log_files, log_spans
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2
from ondevice_rec.schemas.errors import UserError

HEADER = "user,item,time\n"


def write(folder, names, content=HEADER):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def found(path, **window):
    spans = log_spans.find(str(path), config_pb2.Window(**window))
    return [(span.number, span.version) for span in spans]


def test_of_a_span_the_highest_version_counts(tmp_path):
    write(
        tmp_path,
        ["span-2/v1/a.csv", "span-2/v10/a.csv", "span-2/v9/a.csv", "span-1/v1/a.csv",
         "span-x/v1/a.csv", "span-3/vb/a.csv", "other.txt"],
    )  # fmt: skip
    path = tmp_path / "span-{SPAN}" / "v{VERSION}" / "*.csv"
    assert found(path) == [(1, 1), (2, 10)]
    spans = log_spans.find(str(path), config_pb2.Window())
    assert spans[1].patterns(str(path)) == [str(tmp_path / "span-2" / "v10" / "*.csv")]


def test_a_date_is_a_span(tmp_path):
    write(tmp_path, ["2024-12-31.csv", "2025-01-01.csv", "2025-13-01.csv"])
    first = (datetime.date(2024, 12, 31) - datetime.date(1970, 1, 1)).days
    assert found(tmp_path / "{YYYY}-{MM}-{DD}.csv") == [
        (first, None),
        (first + 1, None),
    ]


def test_a_width_must_match(tmp_path):
    write(tmp_path, ["s007/a.csv", "s8/a.csv"])
    assert found(tmp_path / "s{SPAN:3}") == [(7, None)]


def test_spans_that_are_excluded_or_not_complete_do_not_count(tmp_path):
    write(tmp_path, [f"span-{n}/v{v}/a.csv" for n in (1, 2, 3) for v in (1, 2)])
    write(tmp_path, ["span-1/v2/_SUCCESS", "span-2/v1/_SUCCESS", "span-3/v1/_SUCCESS"])
    path = tmp_path / "span-{SPAN}" / "v{VERSION}"
    assert found(path, exclude=[3]) == [(1, 2), (2, 2)]
    # The second version of span 2 is still being written.
    assert found(path, success_file=True) == [(1, 2), (2, 1), (3, 1)]


@pytest.mark.parametrize(
    ("first", "last", "most", "expected"),
    [
        (None, None, 1, [7]),
        (None, None, 0, [1, 2, 4, 7]),
        # Numbers count, not spans: 3, 5 and 6 have not arrived.
        (None, None, 4, [4, 7]),
        (None, 4, 3, [2, 4]),
        (2, 4, 0, [2, 4]),
    ],
)
def test_a_window_ends_with_its_last_span(tmp_path, first, last, most, expected):
    write(tmp_path, [f"{n}/a.csv" for n in (1, 2, 4, 7)])
    path = str(tmp_path / "{SPAN}")
    spans = log_spans.find(path, config_pb2.Window())
    chosen = log_spans.choose(path, spans, first, last, most)
    assert [span.number for span in chosen] == expected


def test_a_pattern_that_matches_nothing_is_told_with_what_is_there(tmp_path):
    write(tmp_path, ["day-1/a.csv", "day-2/a.csv"])
    config = config_pb2.PipelineConfig()
    config.log.user, config.log.item, config.log.timestamp = "user", "item", "time"
    config.log.path = str(tmp_path / "span-{SPAN}")
    with pytest.raises(log_files.IngestionError, match=r"no span: in .* day-1, day-2"):
        log_check.check(config)
    config.log.path = str(tmp_path / "day-{SPAN}")
    with pytest.raises(log_files.IngestionError, match=r"no span 9\. There are: 1, 2"):
        log_check.check(config, 9)
    config.log.path = str(tmp_path / "day-1")
    with pytest.raises(UserError, match=r"A span \(9\) was asked for"):
        log_check.check(config, 9)


def test_the_newest_span_must_be_usable_and_older_ones_are_left_out(tmp_path):
    log = config_pb2.ActivityLog(path=str(tmp_path / "{SPAN}"))
    write(tmp_path, ["1/a.csv"], "user,item,when\n")
    write(tmp_path, ["2/a.csv"], "")
    write(tmp_path, ["3/a.csv", "3/b.csv"])
    spans = log_spans.find(log.path, config_pb2.Window())

    def usable(chosen):
        with_files = log_spans.usable(
            log, ["time"], chosen, log_files.list_files, log_check.open_binary
        )
        return (
            {span.number: len(files) for span, files in with_files.files.items()},
            with_files.left_out,
        )

    files, left_out = usable(spans)
    assert files == {3: 2}
    assert "has no column `time`" in left_out["span 1"]
    assert "is empty" in left_out["span 2"]
    with pytest.raises(log_files.IngestionError, match=r"span 1 .*no column `time`"):
        usable(spans[:1])


@pytest.mark.parametrize(
    ("path", "window", "words"),
    [
        ("a/{SPAN}/{SPAN}", None, "once"),
        ("a/{YYYY}/{MM}", None, "once"),
        ("a/{SPAN}/{YYYY}{MM}{DD}", None, "a span too"),
        ("a/v{VERSION}", None, "no {SPAN}"),
        ("a/log.csv", {"spans": 3}, "`log.window` needs spans"),
        ("a/{SPAN}", {"spans": 0}, "must be >= 1, received 0"),
        ("a/{SPAN}.csv", {"success_file": True}, "needs a folder for every span"),
    ],
)
def test_impossible_spans_are_refused_in_words(path, window, words):
    with pytest.raises(UserError) as error:
        log_spans.check(path, window and config_pb2.Window(**window))
    assert words in str(error.value)


def test_spans_can_be_looked_for_elsewhere():
    assert log_spans.moved("/a/b/span-{SPAN}/*.csv", "/c/") == "/c/span-{SPAN}/*.csv"
    assert log_spans.moved("{SPAN}/v{VERSION}", "/c") == "/c/{SPAN}/v{VERSION}"
