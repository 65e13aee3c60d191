"""The page about a run, of stores in every state."""

from __future__ import annotations

import html
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from ondevice_rec.lineage.store import Store
from ondevice_rec.pipelines import cli
from ondevice_rec.pipelines.report import failure, page
from ondevice_rec.pipelines.report.sections import FAULT

SECTIONS = (
    "pipeline", "data", "training", "quality", "slices", "variants", "examples",
    "changes", "lineage", "reproduce",
)  # fmt: skip


def section(text: str, name: str) -> str:
    """One section's text, without its tags."""
    found = re.search(rf'<section id="{name}".*?</section>', text, re.DOTALL)
    assert found, f"no section {name}"
    return re.sub(r"<[^>]*>", " ", found[0])


def rendered(root: Path, wanted: str | None = None) -> str:
    text = page.render(Store(str(root)), wanted)
    assert FAULT not in text
    assert "Traceback" not in text
    return text


def write(folder: Path, name: str, content: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content))
    return folder


REPORT = {
    "rows_read": 110,
    "rejected": {"unparsable `time`": 7, "missing user": 2},
    "filtered": {"rating below 4": 1},
    "events": 100,
    "users": 10,
    "items": 20,
    "splits": {"train": {"timelines": 10, "targets": 80, "entries": 90}},
    "timeline_length_quantiles": {"0": 2, "0.5": 9, "0.99": 40, "1": 50},
    "files": [{"path": "log.csv", "bytes": 2048, "rows": 110}],
    "samples": [
        {"reason": "missing user", "file": "log.csv", "line": 3, "text": "<b>,1,2"}
    ],
}
METRICS = {
    "measured": "tflite",
    "exclude_seen": True,
    "blessed_left_out": "",
    "slices": {
        "overall": {
            "queries": 50,
            "candidate": {"recall@10": 0.5, "ndcg@10": 0.25},
            "popularity": {"recall@10": 0.25, "ndcg@10": 0.125},
            "blessed": {"recall@10": 0.4, "ndcg@10": 0.2},
        },
        "genre=Drama": {
            "queries": 20,
            "candidate": {"ndcg@10": 0.375},
            "popularity": {"ndcg@10": None},
        },
    },
    "bootstrap": {
        "replicates": 200,
        "level": 0.95,
        "slices": {
            "overall": {
                "intervals": {"candidate": {"ndcg@10": [0.21, 0.29]}},
                "comparisons": {"blessed": {"ndcg@10": {"ratio": [1.1, 1.4]}}},
            }
        },
    },
}
EXAMPLES = {
    "examples": [
        {
            "history_length": 8,
            "history": ["i1", None],
            "next": "i3",
            "rank": 2,
            "recommended": ["i2", "i3"],
        }
    ]
}


def test_a_store_without_a_run(writer, root):
    text = rendered(root)
    assert "holds no run" in text
    assert "ondevice-rec run CONFIG.yaml" in text


def test_artifacts_deleted_from_disk(writer, root):
    writer.run("run-1", span=1, version=1)
    text = rendered(root)
    for name in SECTIONS:
        assert section(text, name).strip()
    # The folder is named, and what ML Metadata holds is shown all the same.
    assert "/gone is not on this machine, or was deleted" in section(text, "examples")
    assert "0.2500" in section(text, "quality")
    assert "0.200 to 0.300" in section(text, "quality")
    assert "genre=Drama" in section(text, "slices")
    assert "5 epochs" in section(text, "training")
    assert "It is the first version" in section(text, "changes")
    assert "c0ffee" in section(text, "reproduce")
    assert "Blessed and pushed" in text


def test_someone_elses_pipeline(writer, root):
    examples = writer.artifact("Examples")
    writer.execution("CsvExampleGen", outputs={"examples": [examples]})
    model = writer.artifact("Model")
    writer.execution("Trainer", inputs={"examples": [examples]}, outputs={"m": [model]})
    text = rendered(root)
    assert "Ended after Trainer; nothing pushed" in text
    assert "CsvExampleGen" in section(text, "pipeline")
    for name in ("data", "training", "quality", "variants", "examples"):
        assert "This pipeline has no component that records it." in section(text, name)
    assert "Trainer" in section(text, "lineage")


def test_a_half_finished_run(writer, root):
    writer.execution("ActivityExampleGen", state=pb.Execution.RUNNING)
    text = rendered(root)
    assert "Running, or killed, at ActivityExampleGen" in text
    assert "The run has not come so far" in section(text, "quality")
    assert "Nothing was written" in section(text, "lineage")


def test_a_failed_run_says_why(writer, root):
    (root / "logs").mkdir()
    name = "2026-11-22T06:49:59.020808"
    writer.execution("ActivityExampleGen", run=name, state=pb.Execution.FAILED)
    failure.write(str(root), name, "600 of 2,400 rows <cannot> be used", "/logs/a.log")
    text = rendered(root)
    assert "Failed at ActivityExampleGen" in text
    assert "600 of 2,400 rows &lt;cannot&gt; be used" in text
    assert "The whole log: /logs/a.log" in text
    # Names come from the store: they lead to no other file.
    assert failure.path(str(root), "../logs/x") is None


def test_a_refused_run(writer, root):
    refusal = "ndcg@10 0.1 is not better than the popularity model's 0.2; it leaks"
    blessing = writer.artifact("ModelBlessing", blessed=0, refusal=refusal)
    pushed = writer.artifact(
        "PushedModel", pushed=0, refusal=f"the model is not blessed: {refusal}"
    )
    writer.execution("TopKEvaluator", outputs={"blessing": [blessing]})
    writer.execution(
        "TFLitePusher", inputs={"b": [blessing]}, outputs={"pushed": [pushed]}
    )
    text = rendered(root)
    verdict = re.search(r'id="verdict".*?</div>', text, re.DOTALL)
    assert verdict
    assert "Refused" in verdict[0]
    assert verdict[0].count("<li>") == 2, "once each"
    assert "Nothing was converted or measured" in section(text, "variants")


def complete(writer: Any, folder: Path) -> None:
    """A run whose artifacts are there."""
    read = write(folder / "r", "report.json", REPORT)
    report = writer.artifact("ondevice_rec.IngestionReport", read)
    examples = writer.artifact("Examples", span=0)
    writer.execution(
        "ActivityExampleGen", outputs={"examples": [examples], "report": [report]}
    )
    history = {"loss": [3.0, 2.0], "val_recall@10": [0.1, 0.2]}
    run = write(folder / "t", "training.json", {"epochs": 2, "history": history})
    model, model_run = writer.artifact("Model"), writer.artifact("ModelRun", run)
    writer.execution(
        "RecommendationTrainer", inputs={"examples": [examples]},
        outputs={"model": [model], "model_run": [model_run]}, state=pb.Execution.CACHED,
    )  # fmt: skip
    write(folder / "e", "metrics.json", METRICS)
    write(folder / "e", "examples.json", EXAMPLES)
    evaluation = writer.artifact("ModelEvaluation", folder / "e")
    writer.execution(
        "TopKEvaluator", inputs={"model": [model]}, outputs={"e": [evaluation]}
    )


def test_what_files_say_is_shown(writer, root, tmp_path):
    complete(writer, tmp_path)
    text = rendered(root)
    data = section(text, "data")
    for fact in ("110 rows", "unparsable `time`", "rating below 4", "90.9%", "2.05 kB"):
        assert fact in data
    assert "most 9 events, one in a hundred more than 40" in data
    assert "&lt;b&gt;,1,2" in data
    assert "from the cache" in section(text, "pipeline")
    assert text.count('aria-label="Loss by epoch"') == 1
    quality = section(text, "quality")
    assert "Measured on the TFLite file; items of the history not" in quality
    assert "0.210 to 0.290" in quality
    assert "previous model 1.10 to 1.40" in quality
    assert "genre=Drama" in section(text, "slices")
    cards = section(text, "examples")
    assert "after 6 earlier items" in cards
    assert "an item the model does not know" in cards
    assert "ranked 2" in cards
    assert "These are keys." in cards
    # 0.25 against the best of the others, 0.2.
    assert "1.25 times the best other: previous model, 0.2000" in text


def test_the_page_needs_nothing_else(writer, root, tmp_path):
    complete(writer, tmp_path)
    text = rendered(root)
    links = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert all(link.startswith(("#", "data:")) for link in links)
    assert "<script" not in text
    assert not re.findall(r"url\((?!#)", text)
    names = re.findall(r'\bid="([^"]+)"', text)
    assert len(names) == len(set(names)), "the same name twice"
    assert "#0a0b" not in text, "a stand-in for a colour is left"


def test_many_slices_stay_small(writer, root, tmp_path):
    slices = {
        f"genre={i}": {"queries": i, "candidate": {"ndcg@10": i / 1000}}
        for i in range(1, 500)
    }
    metrics = METRICS | {"slices": METRICS["slices"] | slices}
    folder = write(tmp_path / "e", "metrics.json", metrics)
    evaluation = writer.artifact("ModelEvaluation", folder)
    writer.execution("TopKEvaluator", outputs={"e": [evaluation]})
    text = rendered(root)
    assert "500 slices; the 24 with most queries are drawn" in text
    assert len(text) < 500_000


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is damaged, or was written by other software"),
        (b"[]", "it holds no JSON object"),
        (b"{}", "was written by other software"),
        (b"\xff\xfe", "is damaged"),
    ],
)
def test_damaged_files(writer, root, tmp_path, content, words):
    complete(writer, tmp_path)
    for file in ("r/report.json", "t/training.json", "e/metrics.json",
                 "e/examples.json"):  # fmt: skip
        (tmp_path / file).write_bytes(content)
    text = rendered(root)
    for name in ("data", "quality", "examples"):
        assert words in section(text, name)


def test_files_deleted_one_by_one(writer, root, tmp_path):
    complete(writer, tmp_path)
    shutil.rmtree(tmp_path / "e")
    text = rendered(root)
    assert "was deleted (ModelEvaluation " in section(text, "quality")
    assert "110 rows" in section(text, "data")
    assert "The files of 3 artifacts are not" in section(text, "lineage")


def test_the_configuration_is_put_together_again(writer, root):
    choice = {"setting": "training.dropout", "values": [0.1, 0.2]}
    columns = {"path": "log.csv", "user": "u", "item": "i", "timestamp": "t"}
    writer.execution("ActivityExampleGen", log=json.dumps(columns))
    for node, settings in (
        ("SequenceTransform", {"input_spec": {}}),
        ("Tuner", {"tuning": {"choices": [choice]}}),
        ("RecommendationTrainer", {"training": {"epochs": "7"}}),
    ):
        writer.execution(node, custom_config=json.dumps(settings))
    text = html.unescape(section(rendered(root), "reproduce"))
    assert "log: {path: log.csv, user: u, item: i, timestamp: t}" in text
    assert "training: {epochs: 7}" in text
    assert text.count("setting: training.dropout") == 1


def test_names_are_escaped(writer, root):
    writer.execution("<script>alert(1)</script>", run="<img src=x>")
    text = rendered(root)
    assert "<script" not in text
    assert "<img" not in text


def test_what_changed_since_the_version_before(writer, root):
    writer.run("run-1", span=1, version=1, epochs=8)
    writer.run("run-2", span=2, version=2, epochs=9, ndcg=0.5)
    text = section(rendered(root), "changes")
    assert "Against version 1" in text
    assert re.search(r"custom_config|training\.epochs", text)
    assert re.search(r"ndcg@10\s+0.25\s+0.5", text)


def test_a_run_by_name_and_by_version(writer, root):
    for number in (1, 2, 3):
        writer.run(f"run-{number}", span=number, version=number)
    assert "run <b>run-3</b>" in rendered(root)
    assert "run <b>run-1</b>" in rendered(root, "run-1")
    assert "run <b>run-2</b>" in rendered(root, "2")


def test_the_command(writer, root, tmp_path, capsys):
    writer.run("run-1", span=1, version=1)
    assert cli.main(["report", str(root)]) == 0
    assert capsys.readouterr().out == f"{root}/report.html\n"
    assert "Blessed and pushed" in (root / "report.html").read_text()
    other = tmp_path / "other.html"
    assert cli.main(["report", str(root), "run-1", "-o", str(other)]) == 0
    assert other.exists()
    assert cli.main(["report", str(root), "run-9"]) == 2
    assert "Runs, latest first: run-1." in capsys.readouterr().err
    assert cli.main(["report", str(root), "-o", str(tmp_path / "no/a.html")]) == 2
    shown = capsys.readouterr().err
    assert "No such file or directory" in shown
    assert "-o FILE" in shown
    assert cli.main(["report", str(tmp_path / "nowhere")]) == 2
    assert "no such folder or file" in capsys.readouterr().err
