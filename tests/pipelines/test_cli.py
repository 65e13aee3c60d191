"""The command answers help and errors without loading what is heavy."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

HEAVY = (
    "tensorflow", "tfx", "apache_beam", "pandas", "pyarrow", "ml_metadata",
    "matplotlib", "starlette",
)  # fmt: skip
PROGRAM = f"""
import sys
from ondevice_rec.pipelines import cli
try:
    code = cli.main(sys.argv[1:])
except SystemExit as error:
    code = error.code
loaded = [name for name in {HEAVY!r} if name in sys.modules]
assert not loaded, loaded
sys.exit(code)
"""


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "name",
    ["init", "run", "compile", "run-node", "recommend", "lineage", "report", "ui"],
)
def test_help(name):
    whole, one = command("--help"), command(name, "--help")
    assert whole.returncode == one.returncode == 0
    assert name in whole.stdout
    assert "usage: ondevice-rec " + name in one.stdout


CONFIG = """\
pipeline_name: test
log: {path: log.csv, user: user, item: item, timestamp: time}
input_spec:
  activity_feature_groups:
    - encoder_type: BOW
      features:
        - {feature_name: context_item, feature_type: STRING, embedding_dim: 4,
           feature_length: 5}
  label_feature: {feature_name: label_item, feature_type: STRING, embedding_dim: 4}
"""


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (None, "log.csv"),
        ("", "empty"),
        ("user,thing,time\n1,2,3\n", "item"),
    ],
)
def test_errors_in_the_log_are_found_at_once(tmp_path: pathlib.Path, log, words):
    (tmp_path / "config.yaml").write_text(CONFIG)
    if log is not None:
        (tmp_path / "log.csv").write_text(log)
    result = command("run", str(tmp_path / "config.yaml"), "--root", str(tmp_path))
    assert result.returncode == 2, result.stderr
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "metadata.sqlite").exists()


def test_an_unknown_metric_is_found_at_once(tmp_path: pathlib.Path):
    text = CONFIG + "evaluation: {thresholds: [{metric: hitrate@10, min: 0.1}]}\n"
    (tmp_path / "config.yaml").write_text(text)
    (tmp_path / "log.csv").write_text("user,item,time\n1,2,3\n")
    result = command("run", str(tmp_path / "config.yaml"))
    assert result.returncode == 2, result.stderr
    assert "recall@1, recall@5, recall@10" in result.stderr
    assert "received 'hitrate@10'" in result.stderr


def test_errors_in_the_command(tmp_path):
    missing = command("run", str(tmp_path / "none.yaml"))
    assert missing.returncode == 2
    assert "none.yaml: no such file" in missing.stderr
    unknown = command("runn")
    assert unknown.returncode == 2
    assert "invalid choice: 'runn'" in unknown.stderr
    empty = command("recommend", str(tmp_path), "--history", "1")
    assert empty.returncode == 2
    assert "Traceback" not in empty.stderr


@pytest.mark.parametrize("name", ["report", "ui"])
def test_pages_of_nothing(name, tmp_path):
    nowhere = command(name, str(tmp_path / "none"))
    assert nowhere.returncode == 2
    assert "none: no such folder or file" in nowhere.stderr


@pytest.mark.parametrize("question", ["trace", "diff", "impact", "runs", "verify"])
def test_questions_about_lineage(question, tmp_path):
    shown = command("lineage", question, "--help")
    assert shown.returncode == 0
    assert f"usage: ondevice-rec lineage {question}" in shown.stdout
    more = {"diff": ("1", "2"), "impact": ("--span", "1")}.get(question, ())
    nowhere = command("lineage", question, str(tmp_path / "none"), *more)
    assert nowhere.returncode == 2
    assert "none: no such folder or file" in nowhere.stderr
