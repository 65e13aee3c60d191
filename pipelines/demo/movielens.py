"""Obtains MovieLens-100K as CSV files.

The wheel of RecBole 1.2.1 ships the data set, so the index that served the dependencies
serves the data too. Its events are GroupLens' `u.data`, in the same order; of the
titles it has taken off the year and misspelt one.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from ondevice_rec.pipelines.demo.package_index import download_wheel

WHEEL_SHA256 = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
FOLDER = "recbole/dataset_example/ml-100k"

RATINGS = "ratings.csv"
ITEMS = "items.csv"
# Of what `obtain` writes, to tell a whole file from a damaged or edited one.
SHA256 = {
    RATINGS: "010fac14271cf92527353173e77ddb19b9168a476d99c55c2f4bd55d93d4c205",
    ITEMS: "5a9ed648c0e94f4aa738b70e9e14c8e837cef07ea32f09dbe18ce099d60f3c13",
}

TERMS = """\
MovieLens-100K (F. M. Harper, J. A. Konstan, 2015, doi:10.1145/2827872) is the work of
GroupLens, University of Minnesota. It may be used for research; redistribution and
commercial use need their permission: https://grouplens.org/datasets/movielens/100k/
"""


def obtain(directory: str | Path) -> None:
    """Puts MovieLens-100K into a folder, unless it is there already.

    Writes `ratings.csv` (user_id, item_id, rating, timestamp in Unix seconds; 100,000
    rows in GroupLens' order) and `items.csv` (item_id, title, genres joined by `|`,
    release_year; 1,682 rows). Says on standard error where the data come from and
    GroupLens' terms.

    Args:
      directory: Folder, made where it is missing.

    Raises:
      UserError: The data could not be downloaded, or are not the expected ones.
    """
    directory = Path(directory)
    if all(_sha256(directory / name) == digest for name, digest in SHA256.items()):
        return
    print(f"Fetching MovieLens-100K into {directory}.\n{TERMS}", file=sys.stderr)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix=".download-") as scratch:
        wheel = download_wheel("recbole", "1.2.1", WHEEL_SHA256, Path(scratch))
        for name, text in convert(wheel).items():
            whole = Path(scratch) / name
            whole.write_text(text, encoding="utf-8", newline="")
            whole.replace(directory / name)


def convert(wheel: Path) -> dict[str, str]:
    """The CSV files, by name, of RecBole's copy of the data set."""
    with zipfile.ZipFile(wheel) as archive:
        ratings = _rows(archive, "ml-100k.inter")
        items = _rows(archive, "ml-100k.item")
    return {
        RATINGS: _csv(["user_id", "item_id", "rating", "timestamp"], ratings),
        ITEMS: _csv(
            ["item_id", "title", "genres", "release_year"],
            (_item(*row) for row in items),
        ),
    }


def _item(item_id: str, title: str, year: str, genres: str) -> list[str]:
    """RecBole's row in GroupLens' words: the year in the title, `|` between genres."""
    if title == "unkonwn":
        # Item 267, "unknown" in u.item: no title and no year.
        full_title, release_year = "unknown", ""
    else:
        # RecBole cut off the last parenthesis: "(1995)", once "(V)" after "(1995)".
        full_title = f"{title} ({year})"
        release_year = re.findall(r"\((\d{4})\)", full_title)[-1]
    return [item_id, full_title, genres.replace(" ", "|"), release_year]


def _rows(archive: zipfile.ZipFile, name: str) -> list[list[str]]:
    """Rows of one of RecBole's tab-separated files, without the header."""
    text = archive.read(f"{FOLDER}/{name}").decode("utf-8")
    return [line.split("\t") for line in text.splitlines()[1:]]


def _csv(header: list[str], rows: Iterable[list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
