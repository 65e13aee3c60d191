"""The same rows in any format are the same timelines."""

from __future__ import annotations

import datetime
import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2

ROWS = [
    ("1", "10", 300, 4.5, 2, ["Drama"]),
    ("1", "20", 100, 3.0, -1, ["Comedy", "Drama"]),
    ("2", "10", 50, 1.5, 0, []),
    ("1", "30", 200, 2.25, 7, ["Ünï"]),
    ("2", "30", 50, 5.0, 1, ["War"]),
    ("2", "20", 60, 4.0, 2, ["War", "Drama"]),
    # Two events: for training.
    ("3", "10", 1, 1.0, 1, []),
    ("3", "20", 2, 1.0, 1, []),
]
COLUMNS = ["user", "item", "time", "stars", "count", "tags"]
# User 1, all three events, oldest first, as the test split has them.
EXPECTED = {
    "user": ["1"],
    "item": ["20", "30", "10"],
    "timestamp": [100, 200, 300],
    "stars": [3.0, 2.25, 4.5],
    "count": [-1, 7, 2],
    "tags": ["Comedy", "Drama", "Ünï", "Drama"],
    "tags_lengths": [2, 1, 1],
    "target": [0, 0, 1],
    "overlap": [0],
    "event_count": [3],
}


def text(delimiter: str, header: bool = True, quote: str = "") -> str:
    lines = [delimiter.join(COLUMNS)] if header else []
    for row in ROWS:
        fields = [*map(str, row[:-1]), "|".join(row[-1])]
        lines.append(delimiter.join(f"{quote}{field}{quote}" for field in fields))
    return "\n".join(lines)


def log_at(path, **fields) -> config_pb2.ActivityLog:
    log = config_pb2.ActivityLog(
        path=str(path), user="user", item="item", timestamp="time", **fields
    )
    log.features.add(column="stars", type="FLOAT")
    log.features.add(column="count", type="INT")
    log.features.add(column="tags", separator="|")
    return log


def write_tfrecord(path, compression: str) -> None:
    import tensorflow as tf

    def feature(value):
        values = value if isinstance(value, list) else [value]
        if all(isinstance(v, str) for v in values):
            data = tf.train.BytesList(value=[v.encode() for v in values])
            return tf.train.Feature(bytes_list=data)
        if isinstance(value, float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=values))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for row in ROWS:
            named = dict(zip(COLUMNS, row, strict=True))
            named["user"] = int(named["user"])
            features = {name: feature(value) for name, value in named.items()}
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def table() -> pa.Table:
    return pa.table(
        {
            name: list(c)
            for name, c in zip(COLUMNS, zip(*ROWS, strict=True), strict=True)
        }
    )


def a_csv(folder):
    (folder / "log.csv").write_text(text(","))
    return log_at(folder / "log.csv")


def a_gzip_without_the_extension(folder):
    (folder / "log.csv").write_bytes(gzip.compress(text(",").encode()))
    return log_at(folder / "log.csv")


def a_tsv_with_quotes(folder):
    (folder / "log.tsv").write_text(text("\t", quote='"'))
    return log_at(folder / "log.tsv")


def semicolons_without_a_header(folder):
    (folder / "log.txt").write_text(text(";", header=False))
    return log_at(folder / "log.txt", delimiter=";", column_names=COLUMNS)


def movielens(folder):
    (folder / "log.dat").write_bytes(text("::", header=False).encode("latin-1"))
    return log_at(folder / "log.dat", column_names=COLUMNS)


def parquet(folder):
    pq.write_table(table(), folder / "log.parquet", row_group_size=2)
    return log_at(folder / "log.parquet")


def parquet_with_other_types(folder):
    found = table()
    users = pa.array([int(user) for user in found["user"].to_pylist()], pa.int32())
    found = found.set_column(0, "user", users)
    items = found["item"].combine_chunks().dictionary_encode()
    found = found.set_column(1, "item", items)
    found = found.set_column(2, "time", found["time"].cast(pa.float64()))
    tags = pa.array(["|".join(tags) or None for tags in found["tags"].to_pylist()])
    found = found.set_column(5, "tags", tags)
    pq.write_table(found, folder / "log.parquet")
    return log_at(folder / "log.parquet")


def tfrecord(folder):
    write_tfrecord(folder / "log.tfrecord", "")
    return log_at(folder / "log.tfrecord")


def tfrecord_gzip(folder):
    write_tfrecord(folder / "data_tfrecord-00000-of-00001.gz", "GZIP")
    return log_at(folder)


def a_folder_of_several(folder):
    lines = text(",").splitlines()
    (folder / "b.csv").write_text("\n".join([lines[0], *lines[3:]]))
    (folder / "a.csv").write_text("\n".join(lines[:3]))
    (folder / "_SUCCESS").write_text("")
    (folder / ".hidden.csv").write_text("no log")
    return log_at(folder)


def a_pattern(folder):
    log = a_folder_of_several(folder)
    (folder / "c.txt").write_text("no log")
    log.path = str(folder / "*.csv")
    return log


@pytest.mark.parametrize(
    "write",
    [
        a_csv,
        a_gzip_without_the_extension,
        a_tsv_with_quotes,
        semicolons_without_a_header,
        movielens,
        parquet,
        parquet_with_other_types,
        tfrecord,
        tfrecord_gzip,
        a_folder_of_several,
        a_pattern,
    ],
)
def test_the_same_rows_are_the_same_timelines(ingest, tmp_path, write):
    found = ingest(write(tmp_path))
    test = {example["user"][0]: example for example in found.examples["test"]}
    assert test["1"] == EXPECTED
    # Equal times: the order of the rows.
    assert test["2"]["item"] == ["10", "30", "20"]
    assert test["2"]["tags_lengths"] == [0, 1, 2]
    assert found.report["rows_read"] == 8


@pytest.mark.parametrize(
    "times",
    [
        ["2024-02-29", "2024-02-29T00:00:01Z", "2024-02-29 03:00:02.5+0300"],
        [
            datetime.datetime(2024, 2, 29),
            datetime.datetime(2024, 2, 29, 0, 0, 1),
            datetime.datetime(2024, 2, 29, 0, 0, 2, 500_000),
        ],
    ],
)
def test_dates_become_unix_milliseconds(ingest, tmp_path, times):
    # 2024-02-29 is day 19,782 after 1970-01-01.
    first = 19_782 * 86_400_000
    columns = {
        "user": ["u"] * 3 + ["v"] * 2,
        "item": list("abcde"),
        "time": times + times[:2],
    }
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    log = config_pb2.ActivityLog(
        path=str(tmp_path), user="user", item="item", timestamp="time"
    )
    found = ingest(log)
    (example,) = found.examples["test"]
    assert example["timestamp"] == [first, first + 1000, first + 2500]


def test_moments_of_the_split_are_written_as_in_the_log(ingest, log_of):
    days = "".join(f"u,i{day},2024-01-0{day}\n" for day in range(1, 7))
    split = config_pb2.Split(
        strategy="GLOBAL_TIME",
        validation_from="2024-01-04",
        test_from="2024-01-05T12:00:00",
    )
    found = ingest(log_of("user,item,time\n" + days), split=split)
    assert found.timelines("train")["u"] == (["i1", "i2", "i3"], [0, 1, 1])
    assert found.timelines("validation")["u"][1] == [0, 0, 0, 1, 1]
    assert found.timelines("test")["u"][1] == [0, 0, 0, 0, 0, 1]


def test_fractions_of_a_second_order_events_and_are_floored(ingest, log_of):
    log = log_of("user,item,time\nu,c,1.75\nu,a,1\nu,d,1.8\nu,b,1.5\nu,e,1e1\n")
    (example,) = ingest(log).examples["test"]
    assert example["item"] == ["a", "b", "c", "d", "e"]
    assert example["timestamp"] == [1, 1, 1, 1, 10]


def test_nanoseconds_keep_every_digit(ingest, log_of):
    times = [1_700_000_000_000_000_001 + i for i in (2, 0, 1)]
    rows = "".join(f"u,i{i},{time}\n" for i, time in enumerate(times))
    (example,) = ingest(log_of("user,item,time\nv,a,1\nv,b,2\n" + rows)).examples[
        "test"
    ]
    assert example["item"] == ["i1", "i2", "i0"]
    assert example["timestamp"] == sorted(times)


def test_user_features_are_those_of_the_last_event_stored(ingest, log_of):
    log = log_of(
        "user,item,time,town,age\nu,a,1,Rome,30\nu,b,2,Oslo,31\nu,c,3,Bonn,32\n"
        "u,d,4,Kyiv,33\n"
    )
    log.user_features.add(column="town")
    log.user_features.add(column="age", type="INT")
    found = ingest(log)
    towns = {split: e[0]["town"] for split, e in found.examples.items()}
    # Nothing of a later split reaches an earlier one.
    assert towns == {"train": ["Oslo"], "validation": ["Bonn"], "test": ["Kyiv"]}
    assert found.examples["test"][0]["age"] == [33]
