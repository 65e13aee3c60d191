"""Good days and bad days: spans through the whole pipeline, watched and by hand."""

from __future__ import annotations

import html
import json
import os
import pathlib
import random
import shutil
import signal

import pytest
from commands import command

from ondevice_rec.pipelines import run, watch
from ondevice_rec.schemas import config as config_module

pytestmark = pytest.mark.integration

CONFIG = """\
pipeline_name: days
log: {path: "logs/span-{SPAN}/v{VERSION}", user: user, item: item, timestamp: time,
      window: {spans: 3}}
schema: schema.pbtxt
input_spec:
  activity_feature_groups:
    - encoder_type: BOW
      features:
        - {feature_name: context_item, embedding_dim: 16, feature_length: 2}
  label_feature: {feature_name: label_item, embedding_dim: 16}
training: {epochs: 12, batch_size: 64, learning_rate: 0.02, warm_start: LATEST_BLESSED,
           warm_start_epochs: 2}
evaluation:
  top_k: [1, 3]
  bootstrap_replicates: 0
  thresholds: [{metric: ndcg@3, baseline: BLESSED, min_ratio: 0.9}]
serving: {verification_timelines: 50}
"""
DRIFT = """
drift_comparator { jensen_shannon_divergence { threshold: 0.4 } }
"""
USERS, STEPS = 150, 6


def schema(root: pathlib.Path) -> str:
    """The example schema, with thresholds for drift."""
    text = (root / "schemas" / "timeline_schema.pbtxt").read_text()
    for column in ("item", "event_count"):
        text = text.replace(f'name: "{column}"', f'name: "{column}"{DRIFT}')
    return (
        text
        + "dataset_constraints { num_examples_drift_comparator { "
        + "min_fraction_threshold: 0.5 max_fraction_threshold: 2.0 } }\n"
    )


def walks(span, items, users=USERS, prefix="i"):
    """Users who walk round the items in order, some steps a day."""
    rng = random.Random(span)
    rows = []
    for user in range(users):
        at = rng.randrange(items)
        for step in range(STEPS):
            key = f"{prefix}{(at + step) % items}"
            rows.append(f"u{user},{key},{1_000 * span + step}")
    return "user,item,time\n" + "\n".join(rows) + "\n"


class Days:
    """A folder of spans, and what was made of them."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.root = folder / "run"

    def deliver(self, span: int, content: str, version: int = 1) -> None:
        target = self.folder / "logs" / f"span-{span}" / f"v{version}"
        target.mkdir(parents=True)
        (target / "log.csv").write_text(content)

    def only_good_days(self) -> None:
        """Takes away what bad days have delivered."""
        for span in (3, 4):
            shutil.rmtree(self.folder / "logs" / f"span-{span}", ignore_errors=True)

    def run(self, *more: str, config: str = CONFIG) -> tuple[int, str]:
        (self.folder / "config.yaml").write_text(config)
        place = str(self.folder / "config.yaml"), "--root", str(self.root)
        return command("run", *place, *more)

    def versions(self) -> list[pathlib.Path]:
        return sorted((self.root / "serving").glob("[0-9]*"))

    def served(self) -> str:
        return (self.root / "serving" / "current").read_text().strip()

    def lineage(self, *asked: str) -> dict:
        code, text = command("lineage", asked[0], str(self.root), *asked[1:])
        assert code == 0, text
        return json.loads(text)


@pytest.fixture(scope="module")
def days(tmp_path_factory, project_root) -> Days:
    """Two good days, waited for; on the second three new items of thirty."""
    folder = tmp_path_factory.mktemp("days")
    found = Days(folder)
    (folder / "schema.pbtxt").write_text(schema(project_root))
    (folder / "config.yaml").write_text(CONFIG)
    found.deliver(1, walks(1, 30))
    codes = []

    def once(config, root, verbose, span, place):
        codes.append((span, run.run(config, root, verbose, span, place)))
        if span == 1:
            found.deliver(2, walks(2, 33))
        else:
            signal.setitimer(signal.ITIMER_REAL, 0.5)
        return codes[-1][1]

    before = signal.signal(
        signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM)
    )
    config = config_module.load(str(folder / "config.yaml"))
    watch.watch(config, str(found.root), run=once, poll_seconds=0.1, settle_seconds=0.2)
    signal.signal(signal.SIGALRM, before)
    assert codes == [(1, 0), (2, 0)]
    return found


def test_every_span_that_arrives_gives_a_version(days):
    _, second = days.versions()
    assert days.served() == second.name
    runs = days.lineage("runs", "--json")["runs"]
    assert [found["state"] for found in runs] == ["pushed", "pushed"]


def test_ids_stay_when_items_come(days):
    before, now = (
        (version / "vocab.txt").read_text().split() for version in days.versions()
    )
    assert (len(before), len(now)) == (31, 34)
    assert now[: len(before)] == before
    changes = json.loads((days.versions()[1] / "vocabulary_changes.json").read_text())[
        "vocab.txt"
    ]
    assert (changes["moved"], changes["lost"]) == ({}, [])
    assert sorted(changes["gained"]) == ["i30", "i31", "i32"]


def test_the_second_model_comes_from_the_first(days):
    first, second = days.versions()
    found = days.lineage("trace", "--model", second.name, "--format", "json")
    assert found["model"]["warm_start"] == "item: 30 keys kept, 3 new"
    # A sixth of the epochs.
    assert found["model"]["epochs"] == 2
    # The windows of both days; what the first model was made of is among it.
    assert [span["facts"]["spans"] for span in found["spans"]] == [
        "[[1, 1]]",
        "[[1, 1], [2, 1]]",
    ]
    steps = [step["node"] for step in found["steps"]]
    assert steps.count("RecommendationTrainer") == 2
    found = days.lineage("trace", "--model", first.name, "--format", "json")
    assert found["model"]["warm_start"] == "cold: there is no earlier blessed model"
    for span in ("1", "2"):
        versions = days.lineage("impact", "--span", span, "--json")["versions"]
        assert [each["version"] for each in versions] == (
            [second.name, first.name] if span == "1" else [second.name]
        )
    code, text = command("lineage", "diff", str(days.root), first.name, second.name)
    assert code == 0
    assert "warm_start" in text


def test_a_run_that_is_repeated_comes_from_the_cache(days):
    days.only_good_days()
    versions = days.versions()
    code, text = days.run("--span", "2")
    assert code == 0, text
    assert text.count("from the cache") == 8
    assert days.versions() == versions


def refused(days: Days, content: str, *words: str, config: str = CONFIG) -> None:
    """A day whose run ends well, pushes nothing and says why."""
    days.only_good_days()
    version, served = len(days.versions()), days.served()
    # Another version each time: a span of the same size and second would be the same.
    days.deliver(3, content, version=sum(map(ord, words[0])))
    code, text = days.run(config=config)
    assert code == run.NOT_PUSHED, text
    (why,) = [line for line in text.splitlines() if line.startswith("not pushed")]
    for word in words:
        assert word in why, why
    assert (len(days.versions()), days.served()) == (version, served)
    page = html.unescape((days.root / "report.html").read_text())
    assert "<strong>Refused</strong>" in page
    assert words[0] in page


def test_ten_times_the_users(days):
    refused(days, walks(3, 33, users=10 * USERS), "the data have anomalies: newest: ")


def test_all_new_items(days):
    refused(
        days,
        walks(3, 33, prefix="new"),
        "item (newest)",
        "Jensen-Shannon",
        "the data have anomalies",
    )


def test_a_model_worse_than_yesterdays(days):
    worse = CONFIG.replace("warm_start_epochs: 2", "").replace("0.02", "0.0005")
    worse = worse.replace("warm_start: LATEST_BLESSED,", "").replace("12,", "1,")
    refused(
        days, walks(3, 33), "times the latest blessed model's", "ndcg@3", config=worse
    )


def failed(days: Days, span: int, content: str, words: str, version: int) -> None:
    """A day whose run fails, in words."""
    served = days.served()
    days.deliver(span, content, version)
    code, text = days.run()
    assert code == 2, text
    assert words in text
    assert "Traceback" not in text
    assert days.served() == served


def test_an_empty_day_a_renamed_column_and_a_span_that_never_came(days):
    days.only_good_days()
    failed(days, 3, "user,item,time\n", "Span 3 is empty", 1)
    failed(days, 3, "user,item,when\nu,i,1\n", "has no column `time`", 2)
    code, text = days.run("--span", "7")
    assert (code, "matches no span 7. There are: 1, 2, 3" in text) == (2, True), text
