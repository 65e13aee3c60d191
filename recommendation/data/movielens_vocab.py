"""The vocabulary files of Model Maker's MovieLens data set."""

from __future__ import annotations

import json
import os
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from ondevice_rec.recommendation.data.movielens_files import Movie
from ondevice_rec.schemas.errors import UserError

YEARS = "movie_year_vocab.txt"
GENRES = "movie_genre_vocab.txt"
# First lines of the two, for padding.
_NO_YEAR = 0
_NO_GENRE = "UNK"


def write(
    output_dir: str,
    vocab_filename: str,
    movies: Mapping[int, Movie],
    counts: Mapping[int, int],
) -> dict[str, Any]:
    """Writes the movies by decreasing number of ratings, the years and the genres.

    Returns:
      What `meta.json` says of them.
    """
    entries = [
        [movie_id, movies[movie_id].title, "|".join(movies[movie_id].genres), count]
        for movie_id, count in sorted(
            ((movie_id, counts.get(movie_id, 0)) for movie_id in movies),
            key=lambda entry: -entry[1],
        )
    ]
    vocab_file = os.path.join(output_dir, vocab_filename)
    with open(vocab_file, "w", encoding="utf-8") as file:
        json.dump(entries, file, indent=2)
    years = _by_count(_NO_YEAR, (movie.year for movie in movies.values()))
    genres = _by_count(
        _NO_GENRE, (genre for movie in movies.values() for genre in movie.genres)
    )
    meta: dict[str, Any] = {
        "vocab_size": len(entries),
        "vocab_file": vocab_file,
        "vocab_max_id": max(movies),
    }
    for name, lines, filename in (
        ("year_vocab", years, YEARS),
        ("genre_vocab", genres, GENRES),
    ):
        path = os.path.join(output_dir, filename)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
        meta[f"{name}_size"] = len(lines)
        meta[f"{name}_file"] = path
    return meta


def _by_count(first: Any, values: Iterable[Any]) -> list[Any]:
    """Values by decreasing count, after the one for padding.

    The original repeats the latter where a movie has it, and then cannot load the file.
    """
    ordered = [value for value, _ in Counter(values).most_common()]
    return [first, *(value for value in ordered if value != first)]


def load(vocab_file: str) -> OrderedDict[int, dict[str, Any]]:
    """Reads a vocabulary of movies.

    Returns:
      By id, `{"id": int, "title": str, "genres": list[str], "count": int}`.

    Raises:
      UserError: it cannot be read.
    """
    try:
        with open(vocab_file, encoding="utf-8") as file:
            entries = json.load(file)
        return OrderedDict(
            (
                int(movie_id),
                {
                    "id": int(movie_id),
                    "title": title,
                    "genres": genres.split("|"),
                    "count": int(count),
                },
            )
            for movie_id, title, genres, count in entries
        )
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"Vocabulary {vocab_file} cannot be read: {error}. It must be a JSON list "
            "of [id, title, genres, count], as `generate_movielens_dataset` writes "
            "with `build_vocabs`."
        ) from error


def read_keys(vocab_dir: str, feature_name: str, vocab_name: str) -> dict[bytes, int]:
    """Ids by key of a vocabulary file, one key a line; the id is the line's number.

    Raises:
      UserError: it cannot be read.
    """
    path = os.path.join(vocab_dir, vocab_name)
    try:
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
    except OSError as error:
        raise UserError(
            f"Vocabulary {path} of `{feature_name}` cannot be read: {error.strerror}. "
            f"Set `vocab_name` to a file of {vocab_dir}; `build_vocabs` writes "
            f"{YEARS} and {GENRES}."
        ) from error
    if lines and not lines[-1]:
        lines.pop()
    ids: dict[bytes, int] = {}
    for number, line in enumerate(lines):
        ids.setdefault(line.rstrip(b"\r"), number)
    return ids
