"""The pages about runs and models, of a real run, in a real browser."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.pipelines.ui import serve

pytestmark = pytest.mark.integration

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
hparams: {conv_num_filter_ratios: [2], conv_kernel_size: 2, num_predictions: 10}
training: {epochs: 6, batch_size: 64, learning_rate: 0.005, seed: SEED}
evaluation: {slices: [history_length, item_popularity]}
serving: {variants: [{precision: FLOAT32}, {precision: INT8_WEIGHTS}]}
"""
ITEMS = 60
SECTIONS = (
    "pipeline", "data", "training", "quality", "slices", "variants", "examples",
    "changes", "lineage", "reproduce",
)  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two runs that each pushed a model."""
    folder = tmp_path_factory.mktemp("walks")
    rng = random.Random(1)
    lines = ["user,item,time"]
    for user in range(200):
        at = rng.randrange(ITEMS)
        for step in range(rng.randrange(5, 40)):
            lines.append(f"u{user},i{at},{1_000 + step}")
            at = (at + rng.choice([1, 1, 1, 2, 7])) % ITEMS
    lines += ["u1,i1,yesterday"] * 20
    (folder / "log.csv").write_text("\n".join(lines) + "\n")
    names = [f"i{i},<b>Item</b> number {i} — été" for i in range(ITEMS)]
    (folder / "items.csv").write_text("\n".join(["item,name", *names]) + "\n")
    configs = []
    for seed in (1, 2):
        configs.append(str(folder / f"{seed}.yaml"))
        Path(configs[-1]).write_text(CONFIG.replace("SEED", str(seed)))
    program = (
        "import sys; from ondevice_rec.pipelines import cli; sys.exit(max("
        "cli.main(['run', c, '--root', sys.argv[1]]) for c in sys.argv[2:]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(folder / "run"), *configs],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "run/report.html" in ended.stdout
    return folder / "run"


@pytest.fixture
def address(root: Path) -> Iterator[str]:
    """Where the pages of `ui` are served."""
    listening = serve.listen("127.0.0.1", 0)
    server = serve.server(str(root), "127.0.0.1")
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def visit(browser: Any, url: str) -> None:
    browser.call("Log.enable")
    browser.call("Page.navigate", url=url)
    path = json.dumps(url.partition("://")[2].partition("/")[2])
    there = f"decodeURI(location.href).includes({path})"
    browser.wait(f"document.readyState == 'complete' && {there}")


def complaints(browser: Any) -> list[Any]:
    """What a console would show in red, and whatever was asked of a network."""
    found = []
    for event in browser.events:
        params = event.get("params", {})
        if event["method"] == "Runtime.exceptionThrown":
            found.append(params)
        if event["method"] == "Runtime.consoleAPICalled" and params["type"] == "error":
            found.append(params)
        if event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
            found.append(params)
        if event["method"] == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if not url.startswith(("file:", "data:", "http://127.0.0.1:")):
                found.append(url)
    return found


def show(browser: Any, scheme: str, width: int = 1200, media: str = "") -> None:
    """Sets what the page is looked at with."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.call("Emulation.setEmulatedMedia", features=features, media=media)
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=900,
        deviceScaleFactor=1,
        mobile=False,
    )


CONTRAST = """(() => {
  const light = colour => {
    const c = colour.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
  };
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!colour.endsWith(', 0)') && colour != 'transparent') return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  let worst = 21, where = '';
  for (const e of document.querySelectorAll('p, td, th, li, h1, h2, h3, small, a, code,'
      + 'summary, .note, .figure, .label, strong, figcaption, pre')) {
    const pair = [getComputedStyle(e).color, behind(e)].map(light);
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < worst && !e.closest('.absent')) [worst, where] = [ratio, e.outerHTML];
  }
  return [worst, where.slice(0, 200)];
})()"""


def test_every_section_of_the_page_is_filled(browser, root):
    visit(browser, f"file://{root}/report.html")
    assert browser.evaluate("document.querySelector('#verdict strong').innerText") == (
        "Blessed and pushed"
    )
    for name in SECTIONS:
        at = f"document.querySelector('#{name}')"
        assert browser.evaluate(f"{at}.querySelector(':scope > .absent-note')") is None
        assert browser.evaluate(f"{at}.innerText.length") > 60, name
    for name, plots in (("data", 2), ("training", 2), ("quality", 2), ("slices", 1),
                        ("variants", 1), ("pipeline", 1), ("lineage", 1)):  # fmt: skip
        drawn = f"[...document.querySelectorAll('#{name} svg')]"
        assert browser.evaluate(f"{drawn}.length") == plots, name
        assert browser.evaluate(
            f"{drawn}.every(s => s.getBoundingClientRect().height > 80)"
        )
    titles = browser.evaluate("document.querySelector('#examples').innerText")
    assert "<b>Item</b> number" in titles
    assert "unparsable `time`" in browser.evaluate(
        "document.querySelector('#data').innerText"
    )
    assert "previous model" in browser.evaluate(
        "document.querySelector('#quality').innerText"
    )
    assert complaints(browser) == []
    assert (root / "report.html").stat().st_size < 3_000_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_in_light_and_dark(browser, root, tmp_path, scheme):
    show(browser, scheme)
    visit(browser, f"file://{root}/report.html")
    ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    # Against what the Web Content Accessibility Guidelines ask of text, AA.
    ratio, where = browser.evaluate(CONTRAST)
    assert ratio >= 4.5, where
    # Plots take the page's colours.
    for variable in ("--candidate", "--muted"):
        colour = browser.evaluate(
            f"getComputedStyle(document.documentElement).getPropertyValue('{variable}')"
        )
        used = "[...document.querySelectorAll('#training svg *')].some(e =>"
        assert browser.evaluate(
            f"{used} e.getAttribute('style')?.includes('var({variable})'))"
        ), colour
    browser.screenshot(tmp_path / f"{scheme}.png")


@pytest.mark.parametrize("width", [1200, 768, 390])
def test_nothing_sticks_out(browser, root, width):
    show(browser, "light", width)
    visit(browser, f"file://{root}/report.html")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


def test_it_can_be_printed(browser, root, tmp_path):
    show(browser, "dark", media="print")
    visit(browser, f"file://{root}/report.html")
    nav = "document.querySelector('nav')"
    assert browser.evaluate(f"getComputedStyle({nav}).display") == "none"
    # Paper is white, whatever the screen is.
    ink = "getComputedStyle(document.body)"
    assert browser.evaluate(f"{ink}.backgroundColor") == "rgb(255, 255, 255)"
    printed = browser.call("Page.printToPDF", printBackground=True)["data"]
    assert len(printed) > 50_000
    browser.screenshot(tmp_path / "print.png")


def test_browsing(browser, address, tmp_path):
    visit(browser, f"{address}/")
    rows = "document.querySelectorAll('#runs tbody tr')"
    assert browser.evaluate(f"{rows}.length") == 2
    browser.evaluate(f"{rows}[0].querySelector('a[href^=\"/runs/\"]').click()")
    browser.wait("document.querySelector('#verdict strong') != null")
    browser.evaluate("document.querySelector('nav a.home').click()")
    browser.wait("document.querySelector('#runs') != null")
    browser.evaluate(f"{rows}[0].querySelector('a[href^=\"/models/\"]').click()")
    browser.wait("document.querySelector('#lineage svg') != null")
    assert "PushedModel" in browser.evaluate("document.body.innerText")
    browser.evaluate("document.querySelector('nav a[href=\"/diff\"]').click()")
    browser.wait(
        "location.pathname == '/diff' && document.querySelector('form') != null"
    )
    browser.evaluate("document.querySelector('form.pick button').click()")
    browser.wait("document.querySelector('table') != null")
    text = browser.evaluate("document.body.innerText")
    assert "training.seed" in text
    browser.screenshot(tmp_path / "diff.png")
    assert complaints(browser) == []
