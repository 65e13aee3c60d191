"""The whole pipeline through the command line, on a log made up here."""

from __future__ import annotations

import getpass
import html
import importlib.metadata
import json
import pathlib
import re
import shutil
import subprocess

import pytest
import walks
from commands import command
from walks import CONFIG, ITEMS

from ondevice_rec.pipelines.run import NOT_PUSHED
from ondevice_rec.schemas import config as config_module


def write_log(folder: pathlib.Path, follow: bool) -> None:
    walks.write_log(folder / "log.csv", follow)
    walks.write_catalogue(folder / "items.csv")


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
    found = report(folder)
    assert "Unchanged: pushed before" in found
    assert found.count("from the cache</text>") == 8


def report(folder: pathlib.Path) -> str:
    return (folder / "run" / "report.html").read_text()


def missing_sections(text: str) -> set[str]:
    found = re.findall(r'<a href="#(\w+)" class="absent">', text)
    assert "could not be made" not in text
    return set(found)


def test_the_page_about_a_run(pushed):
    folder, text = pushed
    assert "report " in text
    assert "run/report.html" in text
    # Of the run that pushed, whatever ran since.
    version, page = versions(folder)[0].name, folder / "page.html"
    code, _ = command("report", str(folder / "run"), version, "-o", str(page))
    assert code == 0
    found = page.read_text()
    # No slices were asked for, and there was no version before.
    assert missing_sections(found) <= {"slices", "changes"}
    assert "Blessed and pushed" in found
    assert "Item number" in found
    # What it says to run again is what was run.
    config = html.unescape(re.findall(r"<pre>(pipeline_name.*?)</pre>", found, re.S)[0])
    (folder / "again.yaml").write_text(config)
    again = config_module.load(str(folder / "again.yaml"))
    once = config_module.load(str(folder / "config.yaml"))
    assert again.serving.push_dir == str(folder / "run" / "serving")
    again.ClearField("serving")
    for message in (again, once):
        message.filters.SetInParent()
        message.split.SetInParent()
    assert again == once


def test_examples_are_what_the_model_recommends(pushed):
    folder, _ = pushed
    found_in = (folder / "run").glob("artifacts/TopKEvaluator/*/*/examples.json")
    path = min(found_in, key=lambda path: int(path.parent.name))
    found = json.loads(path.read_text())["examples"]
    assert len(found) == 6
    for example in found:
        # Of twelve steps the last one is to be found; the latest six are shown.
        assert (example["history_length"], len(example["history"])) == (11, 6)
        steps = [int(key[1:]) for key in (*example["history"], example["next"])]
        assert steps == [(steps[0] + i) % ITEMS for i in range(7)]
        assert len(set(example["recommended"])) == 10
        assert example["recommended"].index(example["next"]) == example["rank"] - 1
    assert len({example["history"][0] for example in found}) > 1


def lineage(question: str, root: pathlib.Path, *more: str) -> tuple[int, str]:
    return command("lineage", question, str(root / "run"), *more)


def test_where_a_model_found_on_a_device_came_from(pushed, project_root):
    folder, _ = pushed
    (version,) = versions(folder)
    on_device = shutil.copy(version / "model.tflite", folder / "found.tflite")
    asked = ("--model", str(on_device), "--format", "json")
    code, text = lineage("trace", folder, *asked)
    assert code == 0, text
    found = json.loads(text)
    assert found["pushed"]["pushed_version"] == version.name
    (span,) = found["spans"]
    assert span["source"] == str(folder / "log.csv")
    facts = span["facts"]
    assert (facts["rows_read"], facts["rows_rejected"]) == (1800, 0)
    assert "num_files:1" in facts["input_fingerprint"]
    assert found["schema"]["columns"]["timestamp"] == "INT"
    assert found["vocabularies"]["item"]["size"] == ITEMS
    assert found["metrics"]["recall@1"] > 0.9 > found["metrics"]["popularity_recall@1"]
    assert found["blessing"]["blessed"]
    assert "popularity" in found["blessing"]["reason"]
    steps = {step["node"]: step for step in found["steps"]}
    trainer = steps["RecommendationTrainer"]
    assert trainer["user"] == getpass.getuser()
    assert trainer["package_version"] == importlib.metadata.version("ondevice-rec")
    if (project_root / ".git").exists():
        head = subprocess.check_output(
            ["git", "rev-parse", "HEAD"], cwd=project_root, text=True
        ).strip()
        # Who works in the checkout meanwhile may commit.
        assert len(trainer["git_commit"].removesuffix("-dirty")) == len(head)
    configured = trainer["parameters"]
    assert configured["custom_config.training.epochs"] == "8"
    assert steps["ActivityExampleGen"]["run"] == trainer["run"]


def test_every_artifact_of_ours_is_covered_by_verify(pushed):
    folder, _ = pushed
    code, text = lineage("verify", folder, "--json")
    found = json.loads(text)
    assert code == 0, text
    assert found["findings"] == []
    # TFX's own components record no digests.
    assert found["not_covered"] == {
        "ExampleStatistics": 1,
        "Schema": 1,
    }
    (model,) = (folder / "run").glob("artifacts/RecommendationTrainer/model/*")
    weights = next(model.rglob("variables.data*"))
    before = weights.read_bytes()
    weights.write_bytes(before[:-1] + b"?")
    code, text = lineage("verify", folder)
    weights.write_bytes(before)
    assert code == 1
    assert f"altered: {model} (Model " in text


def test_the_history_and_what_a_span_went_into(pushed):
    folder, _ = pushed
    (version,) = versions(folder)
    code, text = lineage("runs", folder, "--json")
    assert code == 0
    assert json.loads(text)["runs"][-1]["state"] == "pushed"
    code, text = lineage("impact", folder, "--span", "0", "--json")
    assert code == 0
    (found,) = json.loads(text)["versions"]
    assert (found["version"], found["state"]) == (version.name, "current")


def test_a_later_model_is_measured_beside_the_blessed_one(pushed):
    folder, text = pushed
    assert "not measured: there is none yet" in text
    config = CONFIG.replace("learning_rate: 0.01}", "learning_rate: 0.01, seed: 2}")
    _, text = run(folder, config)
    assert re.search(
        r"recall@1 .*\(popularity 0.*; markov .*; blessed (0\.9|1\.0)", text
    ), text


def test_a_model_no_better_than_popularity_is_not_pushed(tmp_path):
    write_log(tmp_path, follow=False)
    config = CONFIG.replace("epochs: 8", "epochs: 1").replace("0.01}", "0.00001}")
    code, text = run(tmp_path, config)
    assert code == NOT_PUSHED, text
    assert "not pushed" in text
    assert versions(tmp_path) == []
    found = report(tmp_path)
    assert "<strong>Refused</strong>" in found
    assert "is not better than the popularity model" in found
    assert missing_sections(found) == {"slices", "variants", "changes"}
    code, text = lineage("trace", tmp_path)
    assert code == 2
    assert "has pushed a model" in text
    assert "refused" in text


def test_a_log_with_too_many_bad_rows_is_an_error(tmp_path):
    write_log(tmp_path, follow=True)
    with open(tmp_path / "log.csv", "a") as log:
        log.write("u1,i1,yesterday\n" * 600)
    code, text = run(tmp_path)
    assert code == 2, text
    assert "max_rejected_fraction" in text
    assert "Traceback" not in text
    assert versions(tmp_path) == []
    found = report(tmp_path)
    assert "Failed at ActivityExampleGen" in found
    assert "max_rejected_fraction" in found
    assert "pipeline" not in missing_sections(found)
    code, text = lineage("trace", tmp_path)
    assert code == 2
    assert "failed at ActivityExampleGen" in text
