"""Ours against TFLite Model Maker's original code, side by side on MovieLens-1M.

    git clone https://github.com/tensorflow/examples ../examples
    python -m benchmarks.model_maker --checkout ../examples [--json FILE]

Measures, for each encoder that both have:

  rate    Training examples per second, metrics included: at batch 512 on both sides
          (where the original's metrics take nearly all of its time: also without
          them), and its default batch of 16 against our 512. Optimizer, loss and size
          are the same. Medians of interleaved repeats, tracing left out.
  tflite  Median time of one call on one thread, calls interleaved, and file size: ours
          as it is, without the vocabularies it carries, and with neither these nor the
          second signature, which the original has not.
  recall  Recall@10 of the full ranking after the same wall time from the start of
          training, tracing included: the original with its defaults (Adagrad 0.1,
          batch 16, norms clipped to 1), ours with the recipe below. Every user's last
          movie is the test, all before is for training.

The windows are the same: 10 movies, MovieLens' own ids, 3,953 of them. The original
makes its own by its example generation, which takes some minutes: `--work` keeps them.
It runs in a process of its own, on the Python that `--original-python` names: one with
TensorFlow 2.16, tf_keras 2.16 and pandas, such as the .venv of `make setup` on Python
3.10. All three parts take about half an hour.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import report

ENCODERS = ("BOW", "CNN", "LSTM")
SPEC = """
activity_feature_groups {{ encoder_type: {encoder} features {{
  feature_name: "context_movie_id" feature_type: INT vocab_size: 3953 embedding_dim: 8
  feature_length: 10 }} }}
label_feature {{ feature_name: "label_movie_id" feature_type: INT vocab_size: 3953
  embedding_dim: 8 feature_length: 1 }}
"""
# Those of Model Maker's demo; its kernel of 16 is longer than its context of 10.
HPARAMS = {
    "hidden_layer_dims": [32, 32],
    "eval_top_k": [1, 5, 10],
    "conv_num_filter_ratios": [2, 4],
    "conv_kernel_size": 4,
    "lstm_num_units": 16,
}
DEFAULT_BATCH, BATCH = 16, 512
RECIPE = {
    "batch_size": 128,
    "settings": {"optimizer": "adam", "learning_rate": 0.002},
    "hparams": {"projection_activation": "linear"},
}
REPEATS = 3
RATE_SECONDS = 8.0
WARM_UP_CALLS, CALLS = 200, 3000
_SCRIPT = Path(__file__).with_name("model_maker_original.py")


class OriginalProcess:
    """The original, in a process of its own; waits without working."""

    def __init__(self, python: str, checkout: str, folder: Path) -> None:
        self._command = [python, "-W", "ignore", str(_SCRIPT), checkout, str(folder)]
        self._log = folder / "original.log"
        self._process: subprocess.Popen[str] | None = None

    def prepare(self) -> None:
        """Writes the windows."""
        with self._log.open("w") as log:
            code = subprocess.run(
                [*self._command, "prepare"],
                env=_environment(),
                stdout=log,
                stderr=log,
            ).returncode
        if code:
            sys.exit(f"The original failed. {self._end_of_log()}")

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Has a command run, see `model_maker_original.Original`."""
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps([command, arguments]) + "\n")
            process.stdin.flush()
        reply = process.stdout.readline()
        if not reply:
            sys.exit(f"The original failed. {self._end_of_log()}")
        found: dict[str, Any] = json.loads(reply)
        return found

    def _start(self) -> subprocess.Popen[str]:
        # Its generated protocol buffers are too old for the faster implementations.
        implementation = {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [*self._command, "serve"],
                env={**_environment(), **implementation},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return self._process

    def stop(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.communicate()

    def _end_of_log(self) -> str:
        return f"Its last words:\n{self._log.read_text()[-2000:]}"


def _environment() -> dict[str, str]:
    return {**os.environ, "TF_USE_LEGACY_KERAS": "1"}


def rate(original: OriginalProcess, ours: Any, encoder: str) -> list[dict[str, Any]]:
    """Training examples per second."""
    from benchmarks.model_maker_ours import Recipe

    spec = SPEC.format(encoder=encoder)
    rates: dict[str, list[float]] = {"16": [], "512": [], "512, bare": [], "ours": []}
    for _ in range(REPEATS):
        for name in ("16", "512", "512, bare"):
            reply = original.ask(
                "rate",
                spec=spec,
                hparams=HPARAMS,
                batch_size=DEFAULT_BATCH if name == "16" else BATCH,
                seconds=RATE_SECONDS,
                metrics=name != "512, bare",
            )
            rates[name].append(reply["rate"])
        rates["ours"].append(ours.rate(spec, HPARAMS, Recipe(BATCH), RATE_SECONDS))
    median = {name: statistics.median(values) for name, values in rates.items()}
    return [
        _row("examples/s, batch 512", encoder, median["512"], median["ours"], ">= 4"),
        _row(
            "examples/s, batch 512, the original without metrics",
            encoder,
            median["512, bare"],
            median["ours"],
            ">= 4",
        ),
        _row(
            "examples/s, its batch 16, our 512",
            encoder,
            median["16"],
            median["ours"],
            ">= 8",
        ),
    ]


def tflite(
    original: OriginalProcess, ours: Any, encoder: str, folder: Path
) -> list[dict[str, Any]]:
    """Time of a call, and file size."""
    from ondevice_rec.recommendation.ondevice.interpreter import Interpreter

    spec = SPEC.format(encoder=encoder)
    path = str(folder / encoder)
    os.makedirs(path, exist_ok=True)
    models = [
        Path(found).read_bytes()
        for found in (
            original.ask("export", spec=spec, hparams=HPARAMS, path=path)["path"],
            ours.export(spec, HPARAMS, f"{path}/ours"),
        )
    ]
    interpreters = [Interpreter(model, num_threads=1) for model in models]
    times: list[list[float]] = [[], []]
    contexts = np.load(folder / "test.npz")["context"].astype(np.int32)
    for call in range(WARM_UP_CALLS + CALLS):
        features = {"context_movie_id": contexts[call % len(contexts)]}
        # The one that is called second finds less of its own in the caches.
        for side in (0, 1) if call % 2 else (1, 0):
            began = time.perf_counter()
            interpreters[side](features)
            if call >= WARM_UP_CALLS:
                times[side].append(time.perf_counter() - began)
    medians = [1e6 * statistics.median(side) for side in times]
    sizes = [len(model) for model in models]
    return [
        _row("TFLite, µs a call", encoder, *medians, "<= 1"),
        _row("TFLite, bytes", encoder, *sizes, "<= 1"),
        _row(
            "TFLite, bytes, vocabularies aside",
            encoder,
            *(_without_appended(model) for model in models),
            "<= 1",
        ),
        _row(
            "TFLite, bytes, Model Maker's signature only",
            encoder,
            sizes[0],
            _one_signature(f"{path}/ours/saved_model"),
            "<= 1",
        ),
    ]


def _one_signature(saved_model_dir: str) -> int:
    """Size of a conversion without the signature for batches and what is packed in."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(
        saved_model_dir, signature_keys=["serving_default"]
    )
    return len(converter.convert())


def _without_appended(model: bytes) -> int:
    """Size without the ZIP archive that may follow the model."""
    file = io.BytesIO(model)
    if not zipfile.is_zipfile(file):
        return len(model)
    with zipfile.ZipFile(file) as archive:
        return min(entry.header_offset for entry in archive.infolist())


def recall(
    original: OriginalProcess, ours: Any, encoder: str, folder: Path, seconds: float
) -> list[dict[str, Any]]:
    """Recall@10 after a training of some seconds."""
    from benchmarks.model_maker_ours import Recipe

    spec = SPEC.format(encoder=encoder)
    labels = np.load(folder / "test.npz")["label"][:, np.newaxis]
    # Ours looks at the clock about once a second: the original gets what it took.
    ids, _, took = ours.recommend(spec, HPARAMS, Recipe(**RECIPE), seconds)
    path = str(folder / "top.npy")
    original.ask(
        "recommend",
        spec=spec,
        hparams=HPARAMS,
        batch_size=DEFAULT_BATCH,
        seconds=took,
        path=path,
    )
    recalls = [
        float((found == labels).any(axis=1).mean()) for found in (np.load(path), ids)
    ]
    return [_row(f"recall@10 after {seconds:g} s", encoder, *recalls, ">= 3")]


def _row(
    figure: str, encoder: str, original: float, ours: float, target: str
) -> dict[str, Any]:
    return {
        "figure": figure,
        "encoder": encoder,
        "original": original,
        "ours": ours,
        "ours / original": ours / original if original else float("inf"),
        "target": target,
    }


def prepare(original: OriginalProcess, data: Path, folder: Path) -> None:
    """Writes what both sides read into the folder, unless it is there."""
    if (folder / "test.npz").exists():
        return
    with (
        gzip.open(data / "ratings.csv.gz", "rt") as rows,
        (folder / "ratings.dat").open("w") as file,
    ):
        next(rows)
        file.writelines(row.replace(",", "::") for row in rows)
    shutil.copyfile(data / "movies.dat", folder / "movies.dat")
    print("The original generates its examples: some minutes.", file=sys.stderr)
    original.prepare()


def main() -> None:
    """Runs the benchmark."""
    parser = report.parser(__doc__)
    parser.add_argument("--checkout", required=True, help="of tensorflow/examples")
    parser.add_argument("--original-python", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--data", default="../shared/data/movielens-1m", type=Path)
    parser.add_argument("--work", type=Path, help="folder that keeps the windows")
    parser.add_argument("--encoders", nargs="+", default=ENCODERS, choices=ENCODERS)
    parser.add_argument(
        "--parts",
        nargs="+",
        default=("rate", "tflite", "recall"),
        choices=("rate", "tflite", "recall"),
    )
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="of training, for recall@10"
    )
    arguments = parser.parse_args()
    code = Path(arguments.checkout, "lite/examples/recommendation/ml")
    if not (code / "model/recommendation_model.py").exists():
        sys.exit(f"{code} is absent: --checkout must name a tensorflow/examples.")
    if not (arguments.data / "ratings.csv.gz").exists():
        sys.exit(f"No MovieLens-1M in {arguments.data}: name its folder with --data.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    with contextlib.ExitStack() as stack:
        folder = arguments.work or Path(
            stack.enter_context(tempfile.TemporaryDirectory())
        )
        folder.mkdir(parents=True, exist_ok=True)
        original = OriginalProcess(
            arguments.original_python, arguments.checkout, folder.resolve()
        )
        stack.callback(original.stop)
        prepare(original, arguments.data, folder)

        from benchmarks.model_maker_ours import Ours

        ours = Ours(str(folder))
        rows: list[dict[str, Any]] = []
        for encoder in arguments.encoders:
            if "rate" in arguments.parts:
                rows += rate(original, ours, encoder)
            if "tflite" in arguments.parts:
                rows += tflite(original, ours, encoder, folder.resolve())
            if "recall" in arguments.parts:
                rows += recall(
                    original, ours, encoder, folder.resolve(), arguments.seconds
                )
            for row in rows:
                if row["encoder"] == encoder:
                    print(*row.values(), sep="\t", file=sys.stderr)
    report.publish("Model Maker's original code and ours", rows, arguments.json)


if __name__ == "__main__":
    main()
