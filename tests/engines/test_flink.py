"""Flink gives the same bytes, on a cluster of two task managers."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import engine_runs
import pytest
import servers

from ondevice_rec.components.activity_example_gen import partitions

pytestmark = pytest.mark.integration


@pytest.fixture
def flink(project_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Arguments for a cluster; skips where Java or a jar cannot be had."""
    # Flink takes the two ports after this one too.
    monkeypatch.setenv("FLINK_PORT", str(servers.free_port()))
    monkeypatch.setenv("FLINK_WORKERS_PORT", str(servers.free_port()))
    script = str(project_root / "tools" / "flink.sh")
    done = subprocess.run(
        [script, "start"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(done.stderr.strip())
    try:
        yield [line.removeprefix("--beam-arg=") for line in done.stdout.splitlines()]
    finally:
        subprocess.run([script, "stop"], check=True)


def test_flink_writes_what_this_process_does(
    flink: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_PARTITION_BYTES", 16 << 10)
    engine_runs.write(tmp_path)

    here = engine_runs.run(tmp_path, [], "here")
    there = engine_runs.run(tmp_path, flink, "there")

    assert [name for name in here if here[name] != there.get(name)] == []
    assert there.keys() == here.keys()
