"""Time and memory of questions to a store of a hundred thousand executions.

    python -m benchmarks.lineage [--runs 12500] [--store FILE] [--json FILE]

The store (see `benchmarks.lineage_store`) is made once, in a few minutes, and kept in
the folder of temporary files. Each question is a process of its own, as a user asks
it; the same for a store a hundredth as large shows what grows with the store.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks import lineage_store, report

_REPEATS = 5


def measure(*arguments: str) -> tuple[float, float, float]:
    """Seconds, seconds of CPU and peak MiB of a command line, medians."""
    rows = [_once(arguments) for _ in range(_REPEATS)]
    seconds, cpu, peak = (
        statistics.median(column) for column in zip(*rows, strict=True)
    )
    return seconds, cpu, peak


def _once(arguments: tuple[str, ...]) -> tuple[float, float, float]:
    command = [sys.executable, "-m", "ondevice_rec.pipelines.cli", "lineage"]
    began = time.perf_counter()
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        sys.exit(f"{' '.join(arguments)} failed")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def questions(path: str, runs: int) -> dict[str, tuple[str, ...]]:
    """What is asked of a store with so many runs."""
    version = lineage_store.version
    return {
        "trace, latest version": ("trace", path),
        "trace, version halfway": ("trace", path, "--model", str(version(runs // 2))),
        "trace, oldest version": ("trace", path, "--model", str(version(0))),
        "trace, oldest by sha256": ("trace", path, "--model", f"{0:064x}"),
        "diff of the last two": (
            "diff",
            path,
            str(version(runs - 1)),
            str(version(runs - 2)),
        ),
        "impact of a span": ("impact", path, "--span", str(runs - 1)),
        "runs, last 20": ("runs", path),
    }


def main() -> None:
    """Runs the benchmark."""
    parser = report.parser(__doc__)
    parser.add_argument(
        "--runs", type=int, default=12_500, help="eight executions each"
    )
    parser.add_argument("--store", help="file of the large store")
    arguments = parser.parse_args()
    rows: list[dict[str, object]] = []
    for runs in (max(arguments.runs // 100, 1), arguments.runs):
        path = os.path.join(tempfile.gettempdir(), f"lineage-{runs}.sqlite")
        if runs == arguments.runs and arguments.store:
            path = arguments.store
        lineage_store.build(path, runs)
        for name, asked in questions(path, runs).items():
            seconds, cpu, peak = measure(*asked)
            rows.append(
                {
                    "executions": runs * len(lineage_store.NODES),
                    "question": name,
                    "seconds": seconds,
                    "CPU seconds": cpu,
                    "peak MiB": peak,
                }
            )
    report.publish("Questions to ML Metadata (SQLite)", rows, arguments.json)


if __name__ == "__main__":
    main()
