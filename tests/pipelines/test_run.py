"""The whole pipeline through the command line, on a log made up here."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import random
import tempfile

import pytest

from ondevice_rec.pipelines import cli
from ondevice_rec.pipelines.run import NOT_PUSHED

CONFIG = """\
pipeline_name: walks
log: {path: log.csv, user: user, item: item, timestamp: time}
catalogue: {path: items.csv, item: item, title: name}
input_spec:
  activity_feature_groups:
    - encoder_type: CNN
      features:
        - {feature_name: context_item, feature_type: STRING, embedding_dim: 16,
           feature_length: 4}
  label_feature: {feature_name: label_item, feature_type: STRING, embedding_dim: 16}
hparams: {conv_num_filter_ratios: [2], conv_kernel_size: 2, num_predictions: 5}
training: {epochs: 8, batch_size: 64, learning_rate: 0.01}
evaluation: {top_k: [1, 3]}
"""
ITEMS = 30


def write_log(folder: pathlib.Path, follow: bool) -> None:
    """Users who walk round the items in order, or who jump anywhere."""
    rng = random.Random(1)
    lines = ["user,item,time"]
    for user in range(150):
        at = rng.randrange(ITEMS)
        for step in range(12):
            lines.append(f"u{user},i{at},{1_000 + step}")
            at = (at + 1) % ITEMS if follow else rng.randrange(ITEMS)
    (folder / "log.csv").write_text("\n".join(lines) + "\n")
    names = [f"i{item},Item number {item}" for item in range(ITEMS)]
    (folder / "items.csv").write_text("\n".join(["item,name", *names]) + "\n")


def command(*arguments: str) -> tuple[int, str]:
    """Runs the command line in this process; gives its exit code and all it shows."""
    with contextlib.ExitStack() as stack:
        shown = stack.enter_context(tempfile.TemporaryFile("w+", buffering=1))
        for number in (1, 2):
            kept = os.dup(number)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, number)
            os.dup2(shown.fileno(), number)
        stack.enter_context(contextlib.redirect_stdout(shown))
        stack.enter_context(contextlib.redirect_stderr(shown))
        code = cli.main(arguments)
        shown.seek(0)
        return code, shown.read()


def run(folder: pathlib.Path, config: str = CONFIG) -> tuple[int, str]:
    (folder / "config.yaml").write_text(config)
    return command("run", str(folder / "config.yaml"), "--root", str(folder / "run"))


@pytest.fixture(scope="module")
def pushed(tmp_path_factory) -> tuple[pathlib.Path, str]:
    folder = tmp_path_factory.mktemp("walks")
    write_log(folder, follow=True)
    code, text = run(folder)
    assert code == 0, text
    return folder, text


def versions(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted((folder / "run" / "serving").glob("[0-9]*"))


def test_a_log_becomes_a_pushed_model(pushed):
    folder, _ = pushed
    (version,) = versions(folder)
    names = {path.name for path in version.iterdir()}
    assert names >= {"model.tflite", "vocab.txt", "labels.tsv", "saved_model",
                     "manifest.json"}  # fmt: skip
    manifest = json.loads((version / "manifest.json").read_text())
    # Every walk goes on by one: what comes next is certain, and nothing is popular.
    assert manifest["metrics"]["candidate"]["recall@1"] > 0.9
    assert manifest["metrics"]["popularity"]["recall@1"] < 0.2


def test_the_run_tells_what_happened(pushed):
    _, text = pushed
    for component in (
        "ActivityExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator",
        "SequenceTransform", "RecommendationTrainer", "TopKEvaluator", "TFLitePusher",
    ):  # fmt: skip
        assert component in text
    for fact in ("rows read", "1,800", "recall@3", "popularity", "model.tflite",
                 "pushed to"):  # fmt: skip
        assert fact in text
    # The libraries stay out of the terminal.
    assert "WARNING" not in text
    assert "absl" not in text


def test_recommendations_by_title(pushed):
    folder, _ = pushed
    serving = str(folder / "run" / "serving")
    code, text = command("recommend", serving, "--history", "i3,i4,i5", "--json")
    assert code == 0
    first = json.loads(text)["recommendations"][0]
    assert (first["key"], first["title"]) == ("i6", "Item number 6")


def test_an_unchanged_run_comes_from_the_cache(pushed):
    folder, _ = pushed
    before = versions(folder)
    code, text = run(folder)
    assert code == 0
    assert text.count("from the cache") == 8
    assert versions(folder) == before


def test_a_model_no_better_than_popularity_is_not_pushed(tmp_path):
    write_log(tmp_path, follow=False)
    config = CONFIG.replace("epochs: 8", "epochs: 1").replace("0.01}", "0.00001}")
    code, text = run(tmp_path, config)
    assert code == NOT_PUSHED, text
    assert "not pushed" in text
    assert versions(tmp_path) == []


def test_a_log_with_too_many_bad_rows_is_an_error(tmp_path):
    write_log(tmp_path, follow=True)
    with open(tmp_path / "log.csv", "a") as log:
        log.write("u1,i1,yesterday\n" * 600)
    code, text = run(tmp_path)
    assert code == 2, text
    assert "max_rejected_fraction" in text
    assert "Traceback" not in text
    assert versions(tmp_path) == []
