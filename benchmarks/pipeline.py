"""Time and peak memory of each component on MovieLens-1M, and of a cached second run.

    python -m benchmarks.pipeline [--data ../shared/data/movielens-1m] [--json FILE]

Reads `ratings.csv.gz` (user_id, movie_id, rating, timestamp) and writes it as
MovieLens' own `ratings.dat` first, outside the measured time. Training is shown but is
not the point here: one epoch of a small model.
"""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
import time

from benchmarks import report

CONFIG = """\
pipeline_name: movielens-1m
log:
  path: ratings.dat
  user: UserID
  item: MovieID
  timestamp: Timestamp
input_spec:
  activity_feature_groups:
    - encoder_type: BOW
      features:
        - {feature_name: context_item, feature_type: STRING, embedding_dim: 32,
           feature_length: 50}
  label_feature: {feature_name: label_item, feature_type: STRING, embedding_dim: 32}
training: {epochs: 1, batch_size: 4096, learning_rate: 0.01}
"""


def write_ratings(source: str, target: str) -> None:
    """Writes `ratings.csv.gz` with "::" between the fields and no header line."""
    with gzip.open(source, "rt") as rows, open(target, "w") as file:
        next(rows)
        file.writelines(row.replace(",", "::") for row in rows)


class Measure:
    """Listens to a run; keeps seconds and peak memory by component."""

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []
        self._began = 0.0

    def started(self, node_id: str) -> None:
        """Begins to measure."""
        report.reset_peak_memory()
        self._began = time.perf_counter()

    def finished(self, node_id: str) -> None:
        """Notes what it took."""
        seconds = time.perf_counter() - self._began
        gigabytes = report.peak_memory() / 2**30
        self.rows.append(
            {"component": node_id, "seconds": seconds, "peak GiB": gigabytes}
        )

    def failed(self, node_id: str) -> None:
        """Nothing to note: the benchmark ends with the error."""


def main() -> None:
    """Runs the benchmark."""
    parser = report.parser(__doc__)
    parser.add_argument("--data", default="../shared/data/movielens-1m")
    arguments = parser.parse_args()
    source = os.path.join(arguments.data, "ratings.csv.gz")
    if not os.path.exists(source):
        sys.exit(f"{source}: no such file. Name MovieLens-1M's folder with --data.")

    from tfx.orchestration import metadata

    from ondevice_rec.pipelines import local_runner, pipeline
    from ondevice_rec.schemas import config

    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        write_ratings(source, os.path.join(folder, "ratings.dat"))
        path = os.path.join(folder, "config.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIG)
        loaded = config.load(path)
        for run in ("first", "cached"):
            measure = Measure()
            built = pipeline.create_pipeline(
                loaded,
                pipeline_root=os.path.join(folder, "artifacts"),
                push_dir=os.path.join(folder, "serving"),
                metadata_connection_config=metadata.sqlite_metadata_connection_config(
                    os.path.join(folder, "metadata.sqlite")
                ),
            )
            local_runner.LocalRunner(measure, run).run(built)
            rows += [{"run": run, **row} for row in measure.rows]
            for name, left_out in (
                ("all but training", "RecommendationTrainer"),
                ("all", ""),
            ):
                total = sum(
                    float(str(row["seconds"]))
                    for row in measure.rows
                    if row["component"] != left_out
                )
                peak = max(float(str(row["peak GiB"])) for row in measure.rows)
                rows.append(
                    {"run": run, "component": name, "seconds": total, "peak GiB": peak}
                )
    report.publish("MovieLens-1M, 1,000,209 rows", rows, arguments.json)


if __name__ == "__main__":
    main()
