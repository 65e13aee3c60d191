"""Bad input is counted or refused in words, and costs no good row."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2
from ondevice_rec.schemas.log_files import IngestionError

GOOD = "ann,a,1\nann,b,2\nann,c,3\nbob,a,1\nbob,b,2\n"
HEADER = "user,item,time\n"


def refused(ingest, log, tmp_path, **parameters) -> str:
    """Runs the executor, which must refuse the log and publish nothing."""
    folder = tmp_path / "out"
    with pytest.raises(IngestionError) as error:
        ingest(log, folder, **parameters)
    assert not [path for path in folder.rglob("*") if path.is_file()]
    return str(error.value)


def accepted(ingest, log, **parameters):
    log.max_rejected_fraction = 1
    return ingest(log, **parameters)


def test_bad_lines_are_counted_with_samples_and_good_ones_kept(ingest, log_of):
    lines = [
        "ann,a,1",
        "ann,b",  # line 3: ragged
        "ann,c,2,x",  # 4: ragged
        ",d,3",  # 5: no user
        "ann,,4",  # 6: no item
        "ann,e,yesterday",  # 7
        "ann,f,-5",  # 8
        "ann,g,nan",  # 9
        "ann,h,",  # 10
        "ann,i\x07,5",  # 11: control character
        "ann,\udcff\udcfe,6",  # 12: not UTF-8
        'ann,"j,7',  # 13: a quote that is never closed
        '"ann","k ""1""",8',
        "ann,l,99999999999999999999",  # 15
        "",
        "ann,m,9",
        'ann,5" disk,10',
        "ann,z\rann,y,11",  # 19: an old Mac's line end makes two lines, 20 is good
        "ann,last,12",
    ]
    text = (HEADER + "\r\n".join(lines)).encode("utf-8", "surrogateescape")
    found = accepted(ingest, log_of(b"\xef\xbb\xbf" + text))
    assert found.report["rejected"] == {
        "`item` has control characters": 1,
        "`item` is empty": 1,
        "`item` is not UTF-8": 1,
        "`user` is empty": 1,
        "negative `time`": 1,
        "unbalanced quote": 2,
        "unparsable `time`": 4,
        "wrong number of columns": 3,
    }
    (ann,) = found.examples["test"]
    assert ann["item"] == ["a", 'k "1"', "m", "y", "last"]
    places = {(s["reason"], s["line"]): s["text"] for s in found.report["samples"]}
    assert places["wrong number of columns", 3] == "ann,b"
    assert places["`item` is not UTF-8", 12] == r"ann,\xff\xfe,6"
    assert places["unbalanced quote", 13] == 'ann,"j,7'
    assert places["unparsable `time`", 15] == "ann,l,99999999999999999999"
    assert ("wrong number of columns", 19) in places
    lines = (found.folder / "report" / "rejected.jsonl").read_text().splitlines()
    assert len(lines) == 14


def test_quoted_values_may_hold_delimiters_and_line_ends(ingest, log_of):
    log = log_of(
        'user,note,item,time\nann,"one, two",a,1\nann,"three\nfour",b,2\n'
        'ann,"five\n\nsix\n",c,3\nann,seven,"d",4\n'
    )
    log.features.add(column="note")
    found = ingest(log)
    assert found.examples["test"][0]["item"] == ["a", "b", "c", "d"]
    assert found.examples["test"][0]["note"] == [
        "one, two",
        "three\nfour",
        "five\n\nsix\n",
        "seven",
    ]
    assert found.report["rows_read"] == 4


def test_an_unclosed_quote_in_a_feature_costs_its_own_line_only(ingest, log_of):
    rows = "".join(f'ann,"n{i}",i{i},{i}\n' for i in range(50))
    log = log_of('user,note,item,time\nann,"oops,x,0\n' + rows)
    log.features.add(column="note")
    found = accepted(ingest, log)
    assert found.report["rejected"] == {"unbalanced quote": 1}
    assert len(found.examples["test"][0]["item"]) == 50


def test_unusable_numbers_are_rejected(ingest, log_of):
    log = log_of(
        "user,item,time,stars,count\n"
        "ann,a,1,4.5,1\nann,b,2,nan,1\nann,c,3,,1\nann,d,4,x,1\nann,e,5,1e39,1\n"
        "ann,f,6,3,1.5\nann,g,7,3,\nann,h,8,3,-2\nann,i,9,inf,2\n"
    )
    log.features.add(column="stars", type="FLOAT")
    log.features.add(column="count", type="INT")
    found = accepted(ingest, log)
    assert found.report["rejected"] == {"unusable `stars`": 5, "unusable `count`": 2}
    (ann,) = found.examples["train"]
    assert (ann["item"], ann["stars"], ann["count"]) == (
        ["a", "h"],
        [4.5, 3.0],
        [1, -2],
    )


def test_nan_ratings_are_rejected_and_low_ones_filtered(ingest, log_of):
    filters = config_pb2.Filters(rating="stars", min_rating=3)
    log = log_of(
        "user,item,time,stars\nann,a,1,5\nann,b,2,NaN\nann,c,3,2.9\nann,d,4,3\n"
    )
    found = accepted(ingest, log, filters=filters)
    assert found.report["rejected"] == {"unusable `stars`": 1}
    assert found.report["filtered"] == {"min_rating": 1}
    assert found.timelines("train") == {"ann": (["a", "d"], [0, 1])}


def test_filters_apply_in_order_and_everything_is_counted(ingest, log_of):
    rows = (
        "ann,a,1\nann,a,1\nann,a,1\nann,a,2\nann,rare,3\nann,b,4\nann,c,5\n"
        "bob,b,1\nbob,c,2\ncy,b,1\ncy,once,2\n"
    )
    filters = config_pb2.Filters(min_item_count=2, min_timeline=2, max_timeline=3)
    found = ingest(log_of(HEADER + rows), filters=filters)
    # Without its duplicates `a` has two events. `cy` is short once `once` is gone.
    assert found.report["filtered"] == {
        "duplicate": 2,
        "max_timeline": 1,
        "min_item_count": 2,
        "min_timeline": 1,
    }
    assert found.timelines("test") == {"ann": (["a", "b", "c"], [0, 0, 1])}
    assert found.timelines("train") == {"bob": (["b", "c"], [0, 1])}
    found = ingest(
        log_of(HEADER + rows), filters=config_pb2.Filters(keep_duplicates=True)
    )
    assert found.report["filtered"] == {}
    assert found.report["events"] == 11


def test_rows_that_differ_in_a_used_column_are_no_duplicates(ingest, log_of):
    log = log_of(
        "user,item,time,n,tag\nann,a,1,1,x|y\nann,b,1,1,\nann,a,1,2,x\n"
        "ann,a,1,1,x\nann,a,1,1,x|y\nann,a,1,2,x\n"
    )
    log.features.add(column="n", type="INT")
    log.features.add(column="tag", separator="|")
    found = ingest(log)
    (ann,) = found.examples["test"]
    assert found.report["filtered"] == {"duplicate": 2}
    assert ann["item"] == ["a", "b", "a", "a"]
    assert ann["n"] == [1, 1, 2, 1]
    assert ann["tag"] == ["x", "y", "x", "x"]
    assert ann["tag_lengths"] == [2, 0, 1, 1]


def test_too_many_rejections_fail_the_run(ingest, log_of, tmp_path):
    log = log_of(HEADER + GOOD + "ann,d,soon\n")
    message = refused(ingest, log, tmp_path)
    assert "1 of 6 rows" in message
    assert "16.7%" in message
    assert "unparsable `time`: 1" in message
    assert "log.csv line 7: 'ann,d,soon'" in message
    assert "max_rejected_fraction" in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "log.csv is empty"),
        ("\n\n", "log.csv is empty"),
        (HEADER, "a header line but no rows"),
        (
            "user,item,when\n" + GOOD,
            "no column `time`. Its columns are `user`, `item`, ",
        ),
        ("user;item;time\na;b;1\n", "set `delimiter`"),
        ("user,item,item,time\n", "2 columns named `item`"),
        (HEADER + "ann,a,1\nbob,a,1\n", "No event is left of the 2 rows"),
    ],
)
def test_logs_that_cannot_be_used(ingest, log_of, tmp_path, text, words):
    assert words in refused(ingest, log_of(text), tmp_path)


def test_a_truncated_gzip_says_how_far_it_could_be_read(ingest, log_of, tmp_path):
    rows = "".join(f"u{i},i{i * 7919 % 1009},{i}\n" for i in range(20_000))
    packed = gzip.compress((HEADER + rows).encode())
    message = refused(ingest, log_of(packed[:-2000], "log.csv.gz"), tmp_path)
    assert "log.csv.gz is a damaged or truncated gzip file" in message
    assert "up to byte" in message


def test_a_path_that_matches_nothing_shows_what_is_there(ingest, log_of, tmp_path):
    log = log_of("x", "activity.csv")
    log.path = str(tmp_path / "*.tsv")
    message = refused(ingest, log, tmp_path)
    assert "*.tsv matches no file" in message
    assert "activity.csv" in message


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        (
            "user",
            [1.5, 2.5],
            "`user` of {path} has the type double; allowed are strings",
        ),
        ("time", [[1], [2]], "`time` of {path} has the type list<"),
        ("item", [None, None], "`item` of {path} has the type null"),
        ("stars", [True, False], "`stars` of {path} has the type bool"),
    ],
)
def test_parquet_columns_of_wrong_types(ingest, tmp_path, column, values, words):
    columns = {"user": ["a", "a"], "item": ["x", "y"], "time": [1, 2], "stars": [1, 2]}
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({**columns, column: values}), path)
    log = config_pb2.ActivityLog(
        path=str(path), user="user", item="item", timestamp="time"
    )
    log.features.add(column="stars", type="FLOAT")
    assert words.format(path=path) in refused(ingest, log, tmp_path)


def test_a_file_that_is_no_parquet(ingest, log_of, tmp_path):
    log = log_of(HEADER + GOOD, "log.parquet")
    assert "no intact Parquet file" in refused(ingest, log, tmp_path)


def test_a_damaged_tfrecord(ingest, log_of, tmp_path):
    log = log_of(HEADER + GOOD, "log.tfrecord")
    assert "damaged or truncated TFRecord" in refused(ingest, log, tmp_path)


def test_numbers_and_dates_do_not_mix(ingest, log_of):
    rows = "".join(f"ann,i{i},2024-01-0{i}\n" for i in range(1, 9))
    found = accepted(ingest, log_of(HEADER + rows + "ann,z,1704067200\n"))
    assert found.report["rejected"] == {"unparsable `time`": 1}
