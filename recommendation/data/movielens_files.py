"""Reads MovieLens's `ratings.dat` and `movies.dat` (fields separated by "::")."""

from __future__ import annotations

import io
import os
import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from ondevice_rec.recommendation.data.rejections import Rejections
from ondevice_rec.schemas.errors import UserError

RATINGS = "ratings.dat"
MOVIES = "movies.dat"

_YEAR = re.compile(r"\((\d{4})\)")


class Ratings(NamedTuple):
    """Columns, in the order of the file: int64, rating float32; `[ratings]`."""

    user: np.ndarray
    movie: np.ndarray
    rating: np.ndarray
    timestamp: np.ndarray


class Movie(NamedTuple):
    """A line of `movies.dat`; the year stands in the title, 0 where it does not."""

    title: str
    genres: tuple[str, ...]
    year: int


def year_of(title: str) -> int:
    """The year in a title such as "Alpha (1995)", 0 where there is none."""
    year = _YEAR.search(title)
    return int(year.group(1)) if year else 0


def read_ratings(data_dir: str, rejected: Rejections) -> Ratings:
    """Reads `UserID::MovieID::Rating::Timestamp` lines.

    Args:
      data_dir: Folder of the file.
      rejected: Counts the lines that are none.

    Raises:
      UserError: the file cannot be read.
    """
    lines = _read(data_dir, RATINGS).replace(b"::", b"\t")
    names = list(Ratings._fields)
    try:
        frame = pd.read_csv(io.BytesIO(lines), sep="\t", names=names, dtype=_TYPES)
        # Fields too many become an index; too few fail as floats are no integers.
        if not isinstance(frame.index, pd.RangeIndex):
            raise ValueError("too many fields")
    except (ValueError, pd.errors.ParserError):
        frame = _line_by_line(lines, names, rejected)
    else:
        rejected.saw(len(frame))
    good = ((frame["movie"] > 0) & np.isfinite(frame["rating"])).to_numpy()
    rejected.add(
        "the movie's id is below 1 or the rating no number", int((~good).sum())
    )
    frame = frame[good]
    return Ratings(*(frame[name].to_numpy(_TYPES[name]) for name in names))


_TYPES = {
    "user": np.dtype(np.int64),
    "movie": np.dtype(np.int64),
    "rating": np.dtype(np.float32),
    "timestamp": np.dtype(np.int64),
}


def _line_by_line(lines: bytes, names: list[str], rejected: Rejections) -> pd.DataFrame:
    """Reads lines of which some are unusable."""
    rows = []
    for line in lines.splitlines():
        if not line.strip():
            continue
        rejected.saw(1)
        try:
            user, movie, rating, timestamp = line.split(b"\t")
            rows.append((int(user), int(movie), float(rating), int(timestamp)))
        except ValueError:
            rejected.add("not UserID::MovieID::Rating::Timestamp", 1)
    return pd.DataFrame(rows, columns=names).astype(_TYPES)


def read_movies(data_dir: str, rejected: Rejections) -> dict[int, Movie]:
    """Reads `MovieID::Title::Genres` lines (Latin-1), genres separated by "|".

    Args:
      data_dir: Folder of the file.
      rejected: Counts the lines that are none.

    Raises:
      UserError: the file cannot be read or has no movie.
    """
    movies = {}
    for line in _read(data_dir, MOVIES).decode("latin-1").split("\n"):
        line = line.rstrip("\r")
        if not line:
            continue
        rejected.saw(1)
        key, _, rest = line.partition("::")
        title, separator, genres = rest.rpartition("::")
        if not separator or not key.isdecimal() or int(key) < 1:
            rejected.add("not MovieID::Title::Genres", 1)
            continue
        movies[int(key)] = Movie(
            title,
            tuple(genre for genre in genres.split("|") if genre),
            year_of(title),
        )
    if not movies:
        raise UserError(f"{os.path.join(data_dir, MOVIES)} has no movie.")
    return movies


def _read(data_dir: str, name: str) -> bytes:
    path = os.path.join(data_dir, name)
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}. `data_dir` must hold "
            f"MovieLens's {RATINGS} and {MOVIES}; "
            "`DataLoader.download_and_extract_movielens` fetches them."
        ) from error
