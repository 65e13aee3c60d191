"""Every node of a run killed twice and tried again: the same artifacts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import killed_nodes
import pytest
import tensorflow as tf
import walks

from ondevice_rec.lineage import runs
from ondevice_rec.lineage.store import Store
from ondevice_rec.pipelines import cli
from ondevice_rec.recommendation.ondevice import version_folder

pytestmark = pytest.mark.integration

RUN = "scheduled__2026-01-02T00:00:00+00:00"
# Times and durations stand in them, or they are written in any order.
NOT_COMPARED = (".system", "model_run", "pushed_model", "transform_fn", "manifest.json")
SIGKILLED = -9


def contents(folder: Path) -> dict[str, Any]:
    """Path -> what is in the file; of artifacts, without the execution's number."""
    found = {}
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.is_dir() or any(part in NOT_COMPARED for part in parts):
            continue
        content: Any = path.read_bytes()
        # Protobuf and TFMA write maps in any order.
        if path.suffix == ".gz":
            records = tf.data.TFRecordDataset(str(path), "GZIP").as_numpy_iterator()
            content = [tf.train.Example.FromString(record) for record in records]
        elif path.suffix == ".json":
            content = json.loads(content)
        found["/".join(part for part in parts if not part.isdecimal())] = content
    return found


def versions(root: Path) -> list[int]:
    return version_folder.versions(root / "serving")


def test_a_run_whose_nodes_are_killed_gives_what_another_gives(tmp_path: Path) -> None:
    walks.write_log(tmp_path / "log.csv")
    walks.write_catalogue(tmp_path / "items.csv")
    (tmp_path / "config.yaml").write_text(walks.CONFIG)
    root = tmp_path / "root"
    code = cli.main(
        ["compile", str(tmp_path / "config.yaml"), "--target", "airflow",
         "--output", str(tmp_path), "--root", str(root)]
    )  # fmt: skip
    assert code == 0
    ir = tmp_path / "walks.ir.json"
    nodes = list(json.loads((tmp_path / "walks.json").read_text())["nodes"])
    killed_nodes.load()
    took = {}
    for node in nodes:
        code, took[node] = killed_nodes.attempt(ir, node, RUN)
        assert code == 0, node
    # The same paths stand in some artifacts.
    whole = root.rename(tmp_path / "whole")

    deaths = []
    for node in nodes:
        in_the_middle, _ = killed_nodes.attempt(ir, node, RUN, took[node] / 3)
        at_the_end, _ = killed_nodes.attempt(ir, node, RUN, before_publish=True)
        assert killed_nodes.attempt(ir, node, RUN)[0] == 0, node
        deaths.append(in_the_middle == at_the_end == SIGKILLED)
    # Some were quicker now than a third of the time they took before.
    assert sum(deaths) >= len(nodes) - 2

    expected = contents(whole / "artifacts")
    assert len(expected) > 20
    assert contents(root / "artifacts") == expected
    (run,) = runs.runs(Store(str(root)))
    assert run.state == "pushed"
    # What had published before it was killed did not publish again.
    (version,), (once,) = versions(root), versions(whole)
    assert contents(root / "serving" / str(version)) == contents(
        whole / "serving" / str(once)
    )
    # All has ended: nothing is run again.
    code, seconds = killed_nodes.attempt(ir, "RecommendationTrainer", RUN)
    assert code == 0
    assert seconds < took["RecommendationTrainer"] / 2
    assert versions(root) == [version]
