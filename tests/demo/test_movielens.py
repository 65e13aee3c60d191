"""The demo's data are GroupLens' own, whichever way they come."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import pytest

from ondevice_rec.pipelines.demo import movielens
from ondevice_rec.schemas.errors import UserError

INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
ITEM = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel that pip accepts as RecBole 1.2.1, with two events and three items."""
    path = tmp_path / "links" / "recbole-1.2.1-py3-none-any.whl"
    path.parent.mkdir()
    info = "recbole-1.2.1.dist-info"
    files = {
        f"{movielens.FOLDER}/ml-100k.inter": INTER
        + "196\t242\t3\t881250949\n186\t302\t3\t5\n",
        f"{movielens.FOLDER}/ml-100k.item": ITEM
        + "12\tUsual Suspects, The\t1995\tCrime Thriller\n"
        + "267\tunkonwn\tunkonwn\tunknown\n"
        + "1412\tLand Before Time III (1995)\tV\tAnimation\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: recbole\nVersion: 1.2.1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_recbole_s_files_become_csv(wheel: Path) -> None:
    assert movielens.convert(wheel) == {
        "ratings.csv": "user_id,item_id,rating,timestamp\n"
        "196,242,3,881250949\n186,302,3,5\n",
        "items.csv": "item_id,title,genres,release_year\n"
        '12,"Usual Suspects, The (1995)",Crime|Thriller,1995\n'
        "267,unknown,unknown,\n"
        "1412,Land Before Time III (1995) (V),Animation,1995\n",
    }


def test_another_wheel_is_refused_and_leaves_nothing(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))

    with pytest.raises(UserError, match=r"sha256 must be 9c9948.*, received "):
        movielens.obtain(tmp_path / "data")

    assert not list((tmp_path / "data").iterdir())


def test_without_an_index_the_error_says_what_to_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    with pytest.raises(UserError, match=r"could not download recbole.*pip config list"):
        movielens.obtain(tmp_path / "data")


@pytest.mark.integration
def test_the_data_are_those_of_grouplens(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        movielens.obtain(tmp_path)
    except UserError as error:
        if "could not download" in str(error):
            pytest.skip(f"no package index: {error}")
        raise
    original = shared_data / "movielens-100k"

    with (tmp_path / "ratings.csv").open(newline="") as file:
        events = list(csv.reader(file))[1:]
    lines = (original / "u.data").read_text().splitlines()
    assert events == [line.split("\t") for line in lines]

    with (tmp_path / "items.csv").open(newline="", encoding="utf-8") as file:
        items = list(csv.DictReader(file))
    lines = (original / "u.item").read_text(encoding="latin-1").splitlines()
    facts = [line.split("|") for line in lines]
    names = "unknown Action Adventure Animation Children's Comedy Crime Documentary"
    names += " Drama Fantasy Film-Noir Horror Musical Mystery Romance Sci-Fi Thriller"
    genres = [*names.split(), "War", "Western"]
    assert [(item["item_id"], item["title"], item["genres"]) for item in items] == [
        (
            fact[0],
            fact[1].strip(),
            "|".join(
                name for name, flag in zip(genres, fact[5:], strict=True) if flag == "1"
            ),
        )
        for fact in facts
    ]

    # Again: without an index, since nothing is to be done; a damaged file is replaced.
    with monkeypatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        movielens.obtain(tmp_path)
    with (tmp_path / "items.csv").open("a") as file:
        file.write("damage")
    movielens.obtain(tmp_path)
    assert "damage" not in (tmp_path / "items.csv").read_text(encoding="utf-8")
