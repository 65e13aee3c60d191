"""A pipeline's history in PostgreSQL and MySQL, by servers that the test starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import servers

from ondevice_rec.lineage import models, runs, trace
from ondevice_rec.lineage.store import Store
from ondevice_rec.pipelines import cli
from ondevice_rec.pipelines.run import NOT_PUSHED

pytestmark = pytest.mark.integration

KINDS = {"postgresql": servers.postgresql, "mysql": servers.mysql}
CONFIG = """\
pipeline_name: walks
log: {path: log.csv, user: user, item: item, timestamp: time}
input_spec:
  activity_feature_groups:
    - encoder_type: BOW
      features:
        - {feature_name: context_item, feature_type: STRING, embedding_dim: 8,
           feature_length: 4}
  label_feature: {feature_name: label_item, feature_type: STRING, embedding_dim: 8}
hparams: {num_predictions: 5}
training: {epochs: 8, batch_size: 64, learning_rate: 0.05}
evaluation: {top_k: [1, 3]}
"""


@pytest.fixture(scope="module", params=list(KINDS))
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server of each kind, without a database."""
    serve: Callable[[Path], AbstractContextManager[str]] = KINDS[request.param]
    with servers.account_folder() as folder, serve(folder) as found:
        yield found


def run_eight(*arguments: str) -> None:
    """Runs eight at once; the last argument is the store."""
    program = Path(__file__).with_name("eight_runs.py")
    done = subprocess.run(
        [sys.executable, str(program), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {run.name: run.nodes for run in runs.runs(Store(arguments[-1]))}
    nodes = {"number_gen": "complete", "number_keeper": "complete"}
    assert found == {f"run-{number}": nodes for number in range(8)}


def test_eight_runs_begin_at_once_in_an_empty_database(
    url: str, tmp_path: Path
) -> None:
    run_eight(str(tmp_path), f"{url}/eight")


def test_eight_runs_begin_at_once_on_sqlite(tmp_path: Path) -> None:
    run_eight(str(tmp_path))


def test_a_run_keeps_its_history_in_the_database(url: str, tmp_path: Path) -> None:
    lines = ["user,item,time"]
    for user in range(150):
        for step in range(12):
            lines.append(f"u{user},i{(user + step) % 30},{1_000 + step}")
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "config.yaml").write_text(CONFIG)
    arguments = ["run", str(tmp_path / "config.yaml"), "--root", str(tmp_path / "run")]
    arguments += ["--metadata", f"{url}/pipelines"]

    code = cli.main(arguments)

    assert code in (0, NOT_PUSHED)
    assert not (tmp_path / "run" / "metadata.sqlite").exists()
    assert "walks" in (tmp_path / "run" / "report.html").read_text()
    store = Store(f"{url}/pipelines")
    (run,) = runs.runs(store)
    assert set(run.nodes.values()) == {"complete"}
    assert run.metrics["recall@3"] > 0
    if code == 0:
        assert trace.trace(store, models.find(store)).spans
