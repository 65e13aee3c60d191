"""How long ActivityExampleGen takes from a raw log to examples on disk.

    python -m benchmarks.data_preparation [--rows N ...] [--json FILE]

MovieLens-1M as it is published (`ratings.dat`, median of three runs; skipped where
../shared/data or $ONDEVICE_REC_SHARED is absent), and synthetic logs. Each log has a
process of its own. Seconds and CPU are of the executor, without imports; the memory is
the process's peak, imports included.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from concurrent import futures
from typing import Any

from benchmarks import pipeline, report, synthetic

ROWS = (1_000_000, 5_000_000, 20_000_000)
MODEL_MAKER_SECONDS = 109


def ingest(fields: dict[str, str], runs: int) -> dict[str, object]:
    """Runs the executor `runs` times; returns medians."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from tfx.dsl.components.base import base_beam_executor
    from tfx.types import standard_artifacts

    from ondevice_rec.components import artifacts
    from ondevice_rec.components.activity_example_gen import component, executor
    from ondevice_rec.pipelines.pipeline import LOCAL_BEAM_ARGS
    from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2

    log = config_pb2.ActivityLog(**fields)
    properties = dict(component.ActivityExampleGen(log).exec_properties)
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=list(LOCAL_BEAM_ARGS)
    )
    wall, cpu, rows = [], [], 0
    for _ in range(runs):
        outputs: dict[str, list[Any]] = {
            "examples": [standard_artifacts.Examples()],
            "catalogue": [artifacts.ItemCatalogue()],
            "report": [artifacts.IngestionReport()],
        }
        with tempfile.TemporaryDirectory() as folder:
            for name, (artifact,) in outputs.items():
                artifact.uri = os.path.join(folder, name)
            made = executor.Executor(context)
            began = time.perf_counter(), time.process_time()
            made.Do({}, outputs, properties)
            wall.append(time.perf_counter() - began[0])
            cpu.append(time.process_time() - began[1])
        rows = outputs["examples"][0].get_int_custom_property("rows_read")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    seconds = statistics.median(wall)
    return {
        "log": os.path.basename(fields["path"]),
        "rows": rows,
        "seconds": round(seconds, 2),
        "CPU seconds": round(statistics.median(cpu), 2),
        "rows/s": round(rows / seconds),
        "peak GiB": round(peak, 2),
    }


def _measure(fields: dict[str, str], runs: int = 1) -> dict[str, object]:
    # A process that was not forked: its memory is its own.
    spawn = multiprocessing.get_context("spawn")
    with futures.ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(ingest, fields, runs).result()


def main() -> None:
    """Measures and prints."""
    parser = report.parser(__doc__)
    parser.add_argument(
        "--rows", type=int, nargs="*", default=ROWS, help="sizes of the synthetic logs"
    )
    arguments = parser.parse_args()
    found = []
    shared = os.environ.get("ONDEVICE_REC_SHARED", "../shared")
    ratings = os.path.join(shared, "data", "movielens-1m", "ratings.csv.gz")
    with tempfile.TemporaryDirectory() as folder:
        if os.path.exists(ratings):
            path = os.path.join(folder, "ratings.dat")
            pipeline.write_ratings(ratings, path)
            fields = {"user": "UserID", "item": "MovieID", "timestamp": "Timestamp"}
            found.append(_measure({"path": path, **fields}, runs=3))
        for rows in arguments.rows:
            path = os.path.join(folder, f"synthetic-{rows}.csv")
            synthetic.write_log(path, rows)
            fields = {"user": "user", "item": "item", "timestamp": "timestamp"}
            found.append(_measure({"path": path, **fields}))
            os.remove(path)
    report.publish(
        "From a raw log to examples on disk; Model Maker's generator took "
        f"{MODEL_MAKER_SECONDS} s for MovieLens-1M",
        found,
        arguments.json,
    )


if __name__ == "__main__":
    main()
