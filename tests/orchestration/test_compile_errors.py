"""What `compile --target airflow` and `run-node` refuse, in words, at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.pipelines import cli, run_node_command
from ondevice_rec.schemas.errors import UserError

CONFIG = """\
pipeline_name: walks
log: {path: log.csv, user: user, item: item, timestamp: time}
input_spec:
  activity_feature_groups:
    - encoder_type: BOW
      features:
        - {feature_name: context_item, feature_type: STRING, embedding_dim: 4,
           feature_length: 5}
  label_feature: {feature_name: label_item, feature_type: STRING, embedding_dim: 4}
"""
AIRFLOW = ("--target", "airflow")


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "log.csv").write_text("user,item,time\nu,i,1\n")
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return str(path)


def compile_error(
    config: str, capsys: pytest.CaptureFixture[str], *options: str
) -> str:
    output = str(Path(config).parent / "dags")
    code = cli.main(["compile", config, "--output", output, *options])
    assert code == 2
    assert not Path(output).exists()
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--retries", "-1"), "--retries must be >= 0, received -1"),
        (("--max-active-runs", "0"), "--max-active-runs must be >= 1, received 0"),
        (("--timeout", "0"), "--timeout must be >= 1, received 0"),
        (("--catchup",), "--catchup needs --schedule and --start"),
        (
            ("--first-span", "1", "--schedule", "0 5 * * *", "--start", "2026-01-01"),
            "periods are of one length (@hourly, @daily, @weekly), received "
            "--schedule 0 5 * * *",
        ),
        (("--first-span", "1", "--schedule", "@daily"), "--first-span needs --start"),
        (("--image", "x"), "--image is an option of --target kubeflow"),
        (
            ("--metadata", "postgresql://ann:secret@db/store"),
            "--metadata postgresql://ann@db/store has a password",
        ),
        (("--metadata", "redis://db/store"), "A database must be named as mysql://"),
        (("--metadata", "metadata.sqlite"), "--metadata: A database must be named as"),
    ],
)
def test_options_that_cannot_be(
    options: tuple[str, ...],
    message: str,
    config: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = compile_error(config, capsys, *AIRFLOW, *options)
    assert message in shown
    assert "secret" not in shown


def test_an_unknown_target_is_answered_with_those_there_are(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["compile", config, "--output", "x", "--target", "luigi"])
    assert ended.value.code == 2
    shown = capsys.readouterr().err
    assert "luigi" in shown
    assert "airflow" in shown
    assert "kubeflow" in shown


def test_a_folder_that_cannot_be_written(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = Path(config).parent / "log.csv"
    code = cli.main(["compile", config, *AIRFLOW, "--output", str(taken / "dags")])
    assert code == 2
    assert "cannot be written: Not a directory" in capsys.readouterr().err


def ir(folder: Path, root: str | None = None) -> str:
    """A compiled pipeline of two nodes, as far as errors are looked for in it."""
    value = {"defaultValue": {"stringValue": root or str(folder / "root")}}
    nodes = [
        {"pipelineNode": {"nodeInfo": {"id": "Reader"}}},
        {"pipelineNode": {"nodeInfo": {"id": "Writer"}, "upstreamNodes": ["Reader"]}},
    ]
    found: dict[str, Any] = {
        "pipelineInfo": {"id": "walks"},
        "nodes": nodes,
        "runtimeSpec": {"pipelineRoot": {"runtimeParameter": value}},
    }
    path = folder / "walks.ir.json"
    path.write_text(json.dumps(found))
    return str(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("Trainer", "--run", "r"), "no node 'Trainer'. Its nodes are Reader, Writer."),
        (("Reader", "--run", ""), "--run must name a run, received nothing"),
        (("Reader", "--run", "r", "--span", "-1"), "must be a number >= 0, received"),
        (("Reader", "--run", "r", "--span", "x"), "must be a number >= 0, received"),
    ],
)
def test_a_node_that_cannot_run(
    options: tuple[str, ...],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["run-node", ir(tmp_path), *options]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file. `ondevice-rec compile CONFIG.yaml --target airflow`"),
        ("{", "cannot be read"),
        ('{"name": "walks"}', "is no compiled pipeline"),
        ("[]", "is no compiled pipeline"),
    ],
)
def test_a_file_that_is_no_compiled_pipeline(
    content: str | None,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "walks.ir.json"
    if content is not None:
        path.write_text(content)
    assert cli.main(["run-node", str(path), "Reader", "--run", "r"]) == 2
    assert message in capsys.readouterr().err


def test_a_root_that_is_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("")
    path = ir(tmp_path, str(tmp_path / "taken" / "artifacts"))
    assert cli.main(["run-node", path, "Reader", "--run", "r"]) == 2
    shown = capsys.readouterr().err
    assert "taken/artifacts: this user" in shown
    assert "cannot write there: Not a directory" in shown


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_root_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match=r"cannot write there: .*ermission.*--root"):
        run_node_command.require_writable(str(tmp_path))
    with pytest.raises(UserError, match=r"cannot write there: .*ermission.*--root"):
        run_node_command.require_writable(str(tmp_path / "root"))


def test_a_root_without_permission_for_another_user(project_root: Path) -> None:
    """As above, for tests that are run by root."""
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    program = (
        "import getpass, os\n"
        "from ondevice_rec.pipelines import run_node_command\n"
        "os.setuid(65534)\n"
        "os.environ['LOGNAME'] = 'nobody'\n"
        "run_node_command.require_writable('/root/x')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "/root/x: this user (nobody) cannot write there: Permission" in done.stderr


def test_an_airflow_that_is_too_old(tmp_path: Path, project_root: Path) -> None:
    (tmp_path / "airflow.py").write_text('__version__ = "2.11.2"\n')
    done = subprocess.run(
        [sys.executable, project_root / "pipelines" / "airflow_dag.py"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "needs Airflow 3.0 or later; this is 2.11.2" in done.stderr
