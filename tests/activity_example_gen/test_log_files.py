"""The check of the command line, which loads neither TensorFlow nor pyarrow."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ondevice_rec.schemas import log_check, log_files
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2


def config(path) -> config_pb2.PipelineConfig:
    found = config_pb2.PipelineConfig()
    found.log.path = str(path)
    found.log.user, found.log.item, found.log.timestamp = "user", "item", "time"
    return found


def test_a_good_log_passes(tmp_path):
    (tmp_path / "log.csv").write_text('user,"item",time\n')
    log_check.check(config(tmp_path / "log.csv"))
    log_check.check(config(tmp_path))


def test_every_span_of_a_log_is_checked(tmp_path):
    for span, header in ((1, "user,item,time"), (2, "user,item,when")):
        (tmp_path / f"span-{span}").mkdir()
        (tmp_path / f"span-{span}" / "log.csv").write_text(header)
    with pytest.raises(log_files.IngestionError, match=r"span-2.*no column `time`"):
        log_check.check(config(tmp_path / "span-{SPAN}"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("log.csv", "", "empty"),
        ("log.csv", "\ufeff\n", "empty"),
        ("log.csv", "user,time\n", "`item`"),
        ("log.log", "user,item,time\n", "Set `format`"),
        ("log.dat", "1::2::3::4\n", "no column `user`. Its columns are `UserID`"),
    ],
)
def test_bad_logs_are_named(tmp_path, name, content, words):
    (tmp_path / name).write_text(content)
    with pytest.raises(log_files.IngestionError) as error:
        log_check.check(config(tmp_path / name))
    assert words in str(error.value)
    assert name in str(error.value)


def test_the_catalogue_is_checked_too(tmp_path):
    (tmp_path / "log.csv").write_text("user,item,time\n")
    (tmp_path / "items.csv").write_text("id\n")
    found = config(tmp_path / "log.csv")
    found.catalogue.path = str(tmp_path / "items.csv")
    found.catalogue.item, found.catalogue.title = "id", "name"
    with pytest.raises(
        log_files.IngestionError, match=r"items\.csv has no column `name`"
    ):
        log_check.check(found)


def test_the_check_is_light():
    code = (
        "import sys, ondevice_rec.schemas.log_files as m;"
        "print([n for n in ('numpy', 'pyarrow', 'tensorflow') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
