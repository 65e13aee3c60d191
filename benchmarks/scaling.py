"""How the data components grow: from 1 M synthetic events to what the machine holds.

    python -m benchmarks.scaling [--rows N ...] [--beam-arg=ARG ...] [--json FILE]

Each log has a process of its own and comes in files of a million rows, as a log of many
days does. CPU seconds are of this process; workers that an engine starts elsewhere are
not in them. "shuffled" are the bytes that go through the one GroupByKey of events, as
the engine is handed them; the other stages shuffle sums and counts only. What an
evaluation takes: `benchmarks.evaluator`; a training: `benchmarks.training`.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent import futures
from typing import Any

from benchmarks import report, synthetic

ROWS = (1_000_000, 5_000_000, 20_000_000)
_SHOWN = ("ActivityExampleGen", "StatisticsGen", "SequenceTransform")
_CONFIG = """\
pipeline_name: scaling
log: {path: log-*.csv, user: user, item: item, timestamp: timestamp}
input_spec:
  activity_feature_groups:
    - encoder_type: BOW
      features:
        - {feature_name: context_item, feature_type: STRING, embedding_dim: 32,
           feature_length: 50}
  label_feature: {feature_name: label_item, feature_type: STRING, embedding_dim: 32}
"""


class _EnoughError(Exception):
    """Ends a run where the measurement does."""


class _Measure:
    """Listens to a run; keeps what each component took."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.found: list[dict[str, object]] = []
        self.shuffled = 0

    def started(self, node_id: str) -> None:
        """Begins to measure."""
        report.reset_peak_memory()
        self.shuffled = 0
        self._began = time.perf_counter(), time.process_time()

    def finished(self, node_id: str) -> None:
        """Notes what it took."""
        if node_id not in _SHOWN:
            return
        seconds = time.perf_counter() - self._began[0]
        cpu = time.process_time() - self._began[1]
        self.found.append(
            {
                "events": self.rows,
                "component": node_id,
                "seconds": round(seconds, 1),
                "CPU seconds": round(cpu, 1),
                "CPU us/event": cpu / self.rows * 1e6,
                "peak GiB": report.peak_memory() / 2**30,
                "shuffled MB": round(self.shuffled / 1e6, 1),
            }
        )
        if node_id == _SHOWN[-1]:
            raise _EnoughError

    def failed(self, node_id: str) -> None:
        """Nothing to note: the benchmark ends with the error."""


def measure(rows: int, beam_args: Sequence[str]) -> list[dict[str, object]]:
    """Runs the data components on a new log; in a process of its own."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from tfx.orchestration import metadata

    from ondevice_rec.components.activity_example_gen import partitions
    from ondevice_rec.pipelines import engines, local_runner, pipeline
    from ondevice_rec.schemas import config

    listener = _Measure(rows)
    divide = partitions.divide

    def counted(events: Any, number: int) -> Iterator[tuple[int, bytes]]:
        for partition, message in divide(events, number):
            listener.shuffled += len(message)
            yield partition, message

    partitions.divide = counted
    with tempfile.TemporaryDirectory() as folder:
        synthetic.write_logs(folder, rows)
        path = os.path.join(folder, "config.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(_CONFIG)
        built = pipeline.create_pipeline(
            config.load(path),
            os.path.join(folder, "artifacts"),
            os.path.join(folder, "serving"),
            metadata.sqlite_metadata_connection_config(
                os.path.join(folder, "metadata.sqlite")
            ),
            beam_pipeline_args=engines.beam_args(beam_args),
        )
        with contextlib.suppress(_EnoughError):
            local_runner.LocalRunner(listener, "scaling").run(built)
    return listener.found


def main() -> None:
    """Measures and prints."""
    parser = report.parser(__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=ROWS)
    parser.add_argument("--beam-arg", action="append", default=[])
    arguments = parser.parse_args()
    found = []
    spawn = multiprocessing.get_context("spawn")
    load = os.getloadavg()[0]
    for rows in arguments.rows:
        with futures.ProcessPoolExecutor(1, mp_context=spawn) as process:
            found += process.submit(measure, rows, arguments.beam_arg).result()
    report.publish(
        f"The data components on synthetic logs; load before: {load:.1f}",
        found,
        arguments.json,
    )


if __name__ == "__main__":
    main()
