"""`ondevice-rec init` writes a configuration that runs as it is."""

from __future__ import annotations

import gzip
import pathlib

import pytest

from ondevice_rec.pipelines import cli
from ondevice_rec.schemas import config, presets


def init(log: pathlib.Path, *arguments: str) -> int:
    output = str(log.parent / "config.yaml")
    return cli.main(["init", str(log), "-o", output, *arguments])


@pytest.mark.parametrize(
    ("header", "user", "item", "timestamp"),
    [
        ("user_id,item_id,rating,timestamp", "user_id", "item_id", "timestamp"),
        ("InvoiceDate;StockCode;CustomerID", "CustomerID", "StockCode", "InvoiceDate"),
        ("ts\tvisitorid\tproduct_name\tprice", "visitorid", "product_name", "ts"),
        ("event_time,event_type,product_id,user_session,user_id",
         "user_id", "product_id", "event_time"),
    ],
)  # fmt: skip
def test_columns_are_told_by_their_names(tmp_path, header, user, item, timestamp):
    log = tmp_path / "My log 1.csv"
    log.write_text(header + "\n" + ";".join("12345") + "\n")
    assert init(log) == 0
    loaded = config.load(str(tmp_path / "config.yaml"))
    assert (loaded.log.user, loaded.log.item, loaded.log.timestamp) == (
        user,
        item,
        timestamp,
    )
    assert loaded.log.path == str(log)
    assert loaded.log.delimiter in header
    assert loaded.pipeline_name == "My-log-1"


def test_given_columns_and_gzip(tmp_path):
    log = tmp_path / "log.csv.gz"
    with gzip.open(log, "wt") as file:
        file.write("\ufeffwho,what,moment,x\nu,i,1,2\n")
    assert init(log, "--user", "who", "--item", "what", "--timestamp", "moment") == 0
    loaded = config.load(str(tmp_path / "config.yaml"))
    assert loaded.log.user == "who"
    assert (
        '{column: "x", type: STRING}  # e.g. 2'
        in (tmp_path / "config.yaml").read_text()
    )


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        (b"", [], "the file is empty"),
        (b"user,item,time\n", [], "a header line only"),
        (b"a,b,c\n1,2,3\n", [], "cannot tell the user column from the names a, b, c"),
        (b"user,item,time\n1,2,3\n", ["--item", "itm"], "Did you mean `item`?"),
        (b"user,item\n1,2\n", ["--timestamp", "item"], "must be three columns"),
        (b"user,item,time\n\xff\xfe,2,3\n", [], "is not UTF-8"),
    ],
)
def test_what_cannot_be_told_is_an_error(tmp_path, capsys, content, arguments, words):
    log = tmp_path / "log.csv"
    log.write_bytes(content)
    assert init(log, *arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert not (tmp_path / "config.yaml").exists()


def test_an_existing_file_is_kept(tmp_path, capsys):
    log = tmp_path / "log.csv"
    log.write_text("user,item,time\n1,2,3\n")
    (tmp_path / "config.yaml").write_text("mine")
    assert init(log) == 2
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "config.yaml").read_text() == "mine"
    assert init(log, "--force") == 0


def test_a_missing_log(tmp_path, capsys):
    assert init(tmp_path / "none.csv") == 2
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize("preset", presets.names())
def test_every_preset_makes_a_configuration_for_any_log(tmp_path, preset):
    log = tmp_path / "log.csv"
    log.write_text("user,item,time\nu,i,1\n")
    assert init(log, "--preset", preset) == 0
    loaded = config.load(str(tmp_path / "config.yaml"))
    assert (loaded.log.user, loaded.input_spec.label_feature.column) == ("user", "item")


def test_an_unknown_preset_is_answered_with_the_known(tmp_path, capsys):
    log = tmp_path / "log.csv"
    log.write_text("user,item,time\nu,i,1\n")
    assert init(log, "--preset", "defualt") == 2
    words = capsys.readouterr().err
    assert "There is no preset 'defualt'" in words
    assert "default" in words
    assert not (tmp_path / "config.yaml").exists()
