"""Another engine gives the same bytes: workers in processes of their own.

Beam's portable job service, gRPC between it and the workers of an external pool: what
Flink, Spark and Dataflow speak too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import engine_runs
import pytest
from apache_beam.runners.portability import local_job_service

from ondevice_rec.components.activity_example_gen import partitions
from ondevice_rec.pipelines import beam_workers

pytestmark = pytest.mark.integration


@contextlib.contextmanager
def portable_engine(staging: Path) -> Iterator[list[str]]:
    """Arguments for a job service and a pool of workers, as long as the context."""
    service = local_job_service.LocalJobServicer(staging_dir=str(staging))
    port = service.start_grpc_server(0)
    try:
        with beam_workers.serve() as address:
            yield [
                "--runner=PortableRunner",
                f"--job_endpoint=localhost:{port}",
                "--environment_type=EXTERNAL",
                f"--environment_config={address}",
            ]
    finally:
        service.stop()


def test_external_workers_write_what_this_process_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Several partitions, so that there is an order to get wrong.
    monkeypatch.setattr(partitions, "_PARTITION_BYTES", 16 << 10)
    engine_runs.write(tmp_path)

    here = engine_runs.run(tmp_path, [], "here")
    with portable_engine(tmp_path / "staging") as beam_args:
        there = engine_runs.run(tmp_path, beam_args, "there")

    shards = [name for name in here if "transformed_examples/" in name]
    assert len(shards) == 3 * 3
    assert [name for name in here if here[name] != there.get(name)] == []
    assert there.keys() == here.keys()
