"""The page of `ondevice-rec demo`, in a real browser and out of it."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.pipelines import browser_demo, cli
from ondevice_rec.recommendation.recommender import Recommender

READY = (
    "document.body?.dataset.state == 'ready'"
    " && !document.querySelector('#search').disabled"
)
SHOWN = (
    "JSON.stringify([...document.querySelectorAll('#recommended li')]"
    ".map(row => ({...row.dataset, title: row.querySelector('.title').textContent})))"
)


def choose(browser: Any, title: str) -> None:
    """Types a title and clicks on the first match, as a person would."""
    typed = json.dumps(title)
    browser.evaluate(
        "(() => { const s = document.querySelector('#search');"
        f" s.value = {typed}; s.dispatchEvent(new Event('input'));"
        " document.querySelector('#matches button').click(); })()"
    )
    browser.wait(READY)


@pytest.mark.integration
def test_the_page_recommends_what_python_does(
    browser: Any, address: str, serving_dir: Path, tmp_path: Path
) -> None:
    browser.call("Page.navigate", url=address)
    browser.wait(READY)
    recommender = Recommender.from_version(serving_dir)

    # Nothing is chosen yet.
    shown = json.loads(browser.evaluate(SHOWN))
    assert [row["key"] for row in shown] == [i.key for i in recommender.recommend([])]

    browser.events.clear()
    history: list[str] = []
    # More than fit into the input, which takes ten.
    for key in [*(f"m{31 * i + 3}" for i in range(12))]:
        history.append(key)
        choose(browser, recommender.items.title(key))
        shown = json.loads(browser.evaluate(SHOWN))
        expected = recommender.recommend(history)
        assert [int(row["id"]) for row in shown] == [item.id for item in expected]
        assert [row["title"] for row in shown] == [item.title for item in expected]
        assert [float(row["score"]) for row in shown] == pytest.approx(
            [item.score for item in expected], abs=1e-5
        )
    size = len((next(serving_dir.glob("1*")) / "model.tflite").read_bytes())
    text = browser.evaluate("document.querySelector('#size').textContent")
    assert text == f"{size / 1e6:.2f} MB"
    text = browser.evaluate("document.querySelector('#time').textContent")
    assert re.fullmatch(r"\d+\.\d\d ms", text)
    asked = [e for e in browser.events if e["method"] == "Network.requestWillBeSent"]
    assert asked == []
    browser.screenshot(tmp_path / "page.png")

    # The other variant, from its own file.
    browser.evaluate(
        "(() => { const s = document.querySelector('#model');"
        " s.value = 'model_int8_weights.tflite';"
        " s.dispatchEvent(new Event('change')); })()"
    )
    browser.wait(READY)
    small = Recommender.from_version(serving_dir, "model_int8_weights.tflite")
    shown = json.loads(browser.evaluate(SHOWN))
    expected = small.recommend(history)
    # Sums of 8-bit products are rounded in another order: the last places may differ.
    shared = {int(row["id"]) for row in shown} & {item.id for item in expected}
    assert len(shared) >= 9

    failures = [
        e["params"]
        for e in browser.events
        if e["method"] == "Runtime.exceptionThrown"
        or (
            e["method"] == "Network.requestWillBeSent"
            and not e["params"]["request"]["url"].startswith(address)
        )
    ]
    assert failures == []


def fetch(url: str) -> tuple[str, bytes]:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.headers["Content-Type"], answer.read()


def test_only_the_page_and_the_versions_files_are_served(
    address: str, serving_dir: Path
) -> None:
    kind, text = fetch(address)
    assert kind == "text/html; charset=utf-8"
    assert b"importmap" in text
    version = next(serving_dir.glob("1*"))
    _, model = fetch(address + "version/model.tflite")
    assert model == (version / "model.tflite").read_bytes()
    kind, _ = fetch(address + "vendor/litert_wasm_internal.wasm")
    assert kind == "application/wasm"
    for path in ("version/../current", "version/saved_model", "../setup.py", "x"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(address + path)


def test_it_listens_on_this_machine_only(serving_dir: Path, address: str) -> None:
    with browser_demo.create_server(str(serving_dir), 0) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_a_taken_port_or_a_missing_version_is_an_error(
    address: str,
    serving_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    port = address.rstrip("/").rpartition(":")[2]
    assert cli.main(["demo", str(serving_dir), "--port", port]) == 2
    assert f"Port {port} cannot be used" in capsys.readouterr().err
    assert cli.main(["demo", str(tmp_path)]) == 2
    assert "No version in" in capsys.readouterr().err


def test_without_the_runtime_it_says_how_to_get_it(
    serving_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser_demo, "_RUNTIME", tmp_path)
    with pytest.raises(ValueError, match="install npm, then `make web`"):
        browser_demo.create_server(str(serving_dir), 0)
