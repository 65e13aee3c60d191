"""The pages of `ondevice-rec ui`: they answer in words, and give nothing else away."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.pipelines import cli
from ondevice_rec.pipelines.ui import serve

SECRET = "do-not-show-me"


class Client:
    """Asks a server that runs in this process."""

    def __init__(self, location: str) -> None:
        listening = serve.listen("127.0.0.1", 0)
        self.port = listening.getsockname()[1]
        self.server = serve.server(location, "127.0.0.1")
        self.thread = threading.Thread(
            target=self.server.run, kwargs={"sockets": [listening]}
        )
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def ask(
        self, path: str, method: str = "GET", host: str | None = None
    ) -> tuple[int, str, http.client.HTTPMessage]:
        """Status, body and headers; the path goes out as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or f"127.0.0.1:{self.port}")
        connection.endheaders()
        answer = connection.getresponse()
        found = answer.status, answer.read().decode(), answer.headers
        connection.close()
        return found

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join()


@pytest.fixture
def client(writer: Any, root: Path) -> Iterator[Client]:
    """Serves `root`, with two pushed models."""
    writer.run("run-1", span=1, version=1, ndcg=0.25)
    writer.run("run-2", span=2, version=2, ndcg=0.5)
    found = Client(str(root))
    yield found
    found.close()


def test_every_page(client):
    status, history, headers = client.ask("/")
    assert status == 200
    assert history.index("run-2") < history.index("run-1"), "latest first"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    links = re.findall(r'href="(/(?:runs|models)/[^"]*)"', history)
    assert sorted(set(links)) == [
        "/models/1", "/models/2", "/runs/run-1", "/runs/run-2",
    ]  # fmt: skip
    for link in links:
        assert client.ask(link)[0] == 200
    report = client.ask("/runs/run-1")[1]
    assert "Blessed and pushed" in report
    assert '<a class="home" href="/">' in report
    lineage = client.ask("/models/2")[1]
    assert "PushedModel" in lineage
    assert "fingerprint 2" in lineage
    changed = client.ask("/diff?before=1&after=2")[1]
    assert re.search(r"ndcg@10</td><td[^>]*>0.25</td><td[^>]*>0.5<", changed)
    assert client.ask("/", "HEAD")[:2] == (200, "")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/models/9", 404, "Versions, latest first: 2, 1."),
        ("/diff?before=1&after=9", 404, "Versions, latest first: 2, 1."),
        ("/runs/run-9", 404, "Runs, latest first: run-2, run-1."),
        ("/nothing", 404, "Not Found"),
        ("/?skip=-1", 400, "`skip` must be a number"),
        ("/?skip=99", 200, "no runs before these"),
    ],
)
def test_what_is_not_there(client, path, status, words):
    found = client.ask(path)
    assert found[0] == status
    assert words in found[1]
    assert "Traceback" not in found[1]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_pages_are_only_read(client, method):
    assert client.ask("/", method)[0] == 405


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.nip.io"]
)
def test_names_that_point_here_from_elsewhere(client, host):
    status, text, _ = client.ask("/", host=host)
    assert status == 400
    assert "run-1" not in text
    assert client.ask("/", host="localhost:1")[0] == 200


def test_who_serves_on_every_address_is_reached_under_any_name():
    assert serve.known_hosts("0.0.0.0") == ["*"]
    assert serve.known_hosts("::") == ["*"]
    assert "*" not in serve.known_hosts("127.0.0.1")
    assert serve.known_hosts("Box.local")[-1] == "box.local"
    assert serve.known_hosts("fd00::1")[-1] == "[fd00::1]"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.json",
        "/..%2fsecret.json",
        "/%2e%2e/secret.json",
        "/runs/../../secret.json",
        "/runs/..%2f..%2fsecret.json",
        "/models/..%2fsecret.json",
        "/runs/{folder}/secret.json",
        "/models/{folder}%2fsecret.json",
        "/diff?before={folder}/secret.json&after=1",
        "/diff?before=1&after=../secret.json",
        "//{folder}/secret.json",
        "/metadata.sqlite",
        "/static/../../secret.json",
    ],
)
def test_no_path_leads_to_a_file(client, root, path):
    secret = root.parent / "secret.json"
    secret.write_text(json.dumps({"epochs": 1, "text": SECRET}))
    status, text, _ = client.ask(path.format(folder=root.parent))
    assert status == 404
    assert SECRET not in text
    # Not even what is in it, by its digest.
    assert "sha256 " not in text.replace("a sha256 ", "")


def secret_artifacts(folder: Path) -> None:
    content = {
        "examples": [
            {
                "history": [SECRET], "history_length": 1, "next": None, "rank": None,
                "recommended": [],
            }
        ]
    }  # fmt: skip
    folder.mkdir()
    (folder / "examples.json").write_text(json.dumps(content))


def evaluated(writer: Any, uri: Path) -> None:
    evaluation = writer.artifact("ModelEvaluation", uri)
    writer.execution("TopKEvaluator", run="run-3", outputs={"e": [evaluation]})


def test_files_within_the_root_are_read(client, writer, root):
    secret_artifacts(root / "evaluation")
    evaluated(writer, root / "evaluation")
    assert SECRET in client.ask("/runs/run-3")[1]


def test_artifacts_outside_the_root_are_not_read(client, writer, root):
    """A store may name any folder; `report` reads it, others are not shown it."""
    secret_artifacts(root.parent / "outside")
    evaluated(writer, root.parent / "outside")
    text = client.ask("/runs/run-3")[1]
    assert SECRET not in text
    assert "is outside the folder whose files are shown" in text


@pytest.mark.parametrize("what", ["folder", "file"])
def test_links_out_of_the_root_are_not_followed(client, writer, root, what):
    secret_artifacts(root.parent / "outside")
    if what == "folder":
        (root / "inside").symlink_to(root.parent / "outside")
    else:
        (root / "inside").mkdir()
        link = root / "inside" / "examples.json"
        link.symlink_to(root.parent / "outside" / "examples.json")
    evaluated(writer, root / "inside")
    text = client.ask("/runs/run-3")[1]
    assert SECRET not in text
    assert "is outside the folder whose files are shown" in text


def test_an_empty_store(writer, root):
    client = Client(str(root))
    try:
        assert "holds no run yet" in client.ask("/")[1]
        assert "no pushed model" in client.ask("/diff")[1]
        status, text, _ = client.ask("/models/1")
        assert status == 404
        assert "holds no run yet" in text
    finally:
        client.close()


def test_a_store_that_goes_away(client, root):
    (root / "metadata.sqlite").unlink()
    status, text, _ = client.ask("/")
    assert status == 404
    assert "must be a run" in text
    assert "metadata.sqlite" in text


def test_older_runs_are_on_further_pages(writer, root):
    for number in range(22):
        writer.execution("Trainer", run=f"run-{number:02d}")
    client = Client(str(root))
    try:
        first, second = client.ask("/")[1], client.ask("/?skip=20")[1]
    finally:
        client.close()
    assert "run-21" in first
    assert "run-01" not in first
    assert "/?skip=20" in first
    assert "run-01" in second
    assert "Older runs" not in second


def test_the_command_says_what_cannot_be_served(writer, root, tmp_path, capsys):
    taken = serve.listen("127.0.0.1", 0)
    port = str(taken.getsockname()[1])
    assert cli.main(["ui", str(root), "--port", port]) == 2
    assert "cannot be served on" in capsys.readouterr().err
    taken.close()
    assert cli.main(["ui", str(root), "--port", "70000"]) == 2
    assert "--port must be from 0 to 65535" in capsys.readouterr().err
    assert cli.main(["ui", str(root), "--host", "no.such.host.invalid"]) == 2
    assert "cannot be served on" in capsys.readouterr().err
    assert cli.main(["ui", str(tmp_path / "none")]) == 2
    assert "no such folder or file" in capsys.readouterr().err
