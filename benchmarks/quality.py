"""Quality of the models that the pipeline ships, by data set, encoder and recipe.

    python -m benchmarks.quality ROW [ROW ...] [--seeds 1 2 3] [--json FILE]
    python -m benchmarks.quality --all     what is not measured yet
    python -m benchmarks.quality --table   what is measured, nothing is run

A row is `DATA`, the preset of that name, or `DATA/RECIPE`, the preset with the encoder
and training of `benchmarks/recipes/RECIPE.yaml`, or, for `DATA/default`, those of the
preset for logs of unknown nature. DATA is movielens-1m, movielens-100k or
online-retail. Every row goes through the whole pipeline, from log to `.tflite`,
which is what is measured: leave-last-out, the whole vocabulary ranked, ties counted
against the model. The rows of a data set share what does not depend on the recipe.

Each seed of a row is one file in the results folder, and is not run again: stop and go
on as you like. Remove a file to measure anew.
"""

from __future__ import annotations

import argparse
import glob
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib import resources
from typing import Any

import yaml

from benchmarks import quality_data, quality_table, report
from ondevice_rec.schemas import presets

_RECIPES = "recipes"


def rows() -> list[str]:
    """Every row there is."""
    recipes = resources.files("benchmarks") / _RECIPES
    names = sorted(
        [presets.DEFAULT]
        + [
            file.name.removesuffix(".yaml")
            for file in recipes.iterdir()
            if file.name.endswith(".yaml")
        ]
    )
    return [
        row
        for data in quality_data.LOGS
        for row in (data, *(f"{data}/{name}" for name in names))
    ]


def configuration(row: str, seed: int, data_folder: str) -> dict[str, Any]:
    """The pipeline's configuration of a row.

    Args:
      row: One of `rows()`.
      seed: Of the training.
      data_folder: With the data, as `../shared/data`.
    """
    data, _, recipe = row.partition("/")
    config = yaml.safe_load(presets.text(data))
    if recipe:
        chosen = yaml.safe_load(_recipe(recipe))
        config |= {name: chosen[name] for name in ("input_spec", "training")}
        config["hparams"] = {**chosen["hparams"], **_of_the_task(config)}
    return {
        "pipeline_name": data,
        "log": quality_data.log(data, data_folder),
        **config,
        "training": {**config["training"], "seed": seed},
    }


def _recipe(name: str) -> str:
    if name == presets.DEFAULT:
        return presets.text(name)
    file = resources.files("benchmarks") / _RECIPES / f"{name}.yaml"
    return file.read_text(encoding="utf-8")


def _of_the_task(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a preset's model that do not belong to its recipe."""
    names = ("num_predictions", "exclude_seen")
    return {
        name: config["hparams"][name] for name in names if name in config["hparams"]
    }


def measure(row: str, seed: int, data_folder: str, root: str) -> dict[str, Any]:
    """Runs the pipeline and returns what it says of the model.

    Raises:
      SystemExit: the pipeline failed; a model that was refused is a figure too.
    """
    data = row.partition("/")[0]
    run_root = os.path.join(root, data)
    os.makedirs(run_root, exist_ok=True)
    config = os.path.join(run_root, f"{row.replace('/', '-')}-{seed}.yaml")
    with open(config, "w", encoding="utf-8") as file:
        yaml.safe_dump(configuration(row, seed, data_folder), file, sort_keys=False)
    before = _newest(run_root, "TopKEvaluator/evaluation/*/metrics.json")
    versions = set(glob.glob(os.path.join(run_root, "serving", "*", "manifest.json")))
    began = time.perf_counter()
    command = [sys.executable, "-m", "ondevice_rec.pipelines.cli", "run", config]
    done = subprocess.run([*command, "--root", run_root], check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(f"{row}, seed {seed}: the pipeline failed, see above.")
    evaluation = _newest(run_root, "TopKEvaluator/evaluation/*/metrics.json")
    if evaluation == before:
        raise SystemExit(
            f"{row}, seed {seed}: all came from the cache of {run_root}, so this is "
            "measured already. Remove the folder to measure anew."
        )
    with open(evaluation, encoding="utf-8") as file:
        overall = json.load(file)["slices"]["overall"]
    training = _newest(run_root, "RecommendationTrainer/model_run/*/training.json")
    with open(training, encoding="utf-8") as file:
        trained = json.load(file)
    pushed = versions ^ set(
        glob.glob(os.path.join(run_root, "serving", "*", "manifest.json"))
    )
    variants = []
    for path in pushed:
        with open(path, encoding="utf-8") as file:
            variants = json.load(file)["variants"]
    return {
        "row": row,
        "seed": seed,
        "machine": report.machine(),
        "seconds": time.perf_counter() - began,
        "training_seconds": trained["seconds"],
        "epochs": trained["epochs"],
        "best_epoch": trained["best_epoch"],
        "validation_recall@10": trained["best_validation_recall"],
        "models": {
            name: {
                metric: value
                for metric, value in metrics.items()
                if metric in ("recall@10", "ndcg@10")
            }
            for name, metrics in overall.items()
            if isinstance(metrics, dict)
        },
        "pushed": bool(pushed),
        "variants": [
            {
                "precision": variant["precision"],
                "size": variant.get("size"),
                "p50_us": variant.get("latency_us", {}).get("p50"),
                "ndcg_loss": variant.get("ndcg_loss"),
                "refusal": variant["refusal"],
            }
            for variant in variants
        ],
    }


def _newest(run_root: str, pattern: str) -> str:
    """Path of the artifact with the highest number; "" where there is none."""
    found = glob.glob(os.path.join(run_root, "artifacts", pattern))
    return max(
        found, key=lambda path: int(os.path.basename(os.path.dirname(path))), default=""
    )


def main(arguments: list[str] | None = None) -> int:
    """Measures what is asked for and prints the table."""
    parser = report.parser(__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument("--all", action="store_true", help="every row")
    parser.add_argument("--table", action="store_true", help="only print the table")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--data", default=os.path.join("..", "shared", "data"))
    parser.add_argument("--root", default=os.path.join("runs", "quality"))
    parser.add_argument("--results", default=os.path.join("runs", "quality", "results"))
    parser.add_argument("--plot", metavar="FILE.svg", help="also draw the models")
    given = parser.parse_args(arguments)
    _check(parser, given)
    os.makedirs(given.results, exist_ok=True)
    for row in [] if given.table else rows() if given.all else given.rows:
        for seed in given.seeds:
            path = os.path.join(given.results, f"{row.replace('/', '-')}-{seed}.json")
            if os.path.exists(path):
                continue
            found = measure(row, seed, given.data, given.root)
            with open(path + ".part", "w", encoding="utf-8") as file:
                json.dump(found, file, indent=2)
            os.replace(path + ".part", path)
    results = quality_table.read(given.results)
    if results:
        report.publish(
            "Quality of the shipped .tflite", quality_table.rows(results), given.json
        )
    if results and given.plot:
        quality_table.plot(results, given.plot)
    return 0


def _check(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    known = rows()
    for row in given.rows:
        if row not in known:
            parser.error(f"there is no row {row!r}. There are: {', '.join(known)}")
    if bool(given.rows) + given.all + given.table != 1:
        parser.error("give rows, --all or --table")
    if not given.table and not os.path.isdir(given.data):
        parser.error(f"{given.data}: no such folder. Give --data.")


if __name__ == "__main__":
    sys.exit(main())
