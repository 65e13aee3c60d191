"""Model Maker's data set of MovieLens: its files, its random split, its vocabularies.

What `generate_datasets` in `data/example_generation_movielens.py` (tensorflow/examples)
makes, as timelines with a mask of targets where the original has one tf.Example per
context and label.
"""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ondevice_rec.recommendation.data import (
    movielens_files,
    movielens_vocab,
    rejections,
    timeline_records,
)
from ondevice_rec.recommendation.data.movielens_files import Movie, Ratings
from ondevice_rec.schemas import timeline
from ondevice_rec.schemas.errors import UserError

logger = logging.getLogger("ondevice_rec.movielens")

ID, RATING, GENRE, YEAR = "movie_id", "movie_rating", "movie_genre", "movie_year"
_MAX_REJECTED_FRACTION = 0.05
# Of the split of the examples, which the original does not make repeatable.
_SEED = 0


class FileNames(NamedTuple):
    """Names of the generated files."""

    train: str = "train_movielens_1m.tfrecord"
    test: str = "test_movielens_1m.tfrecord"
    vocab: str = "movie_vocab.json"
    meta: str = "meta.json"


class Settings(NamedTuple):
    """What the generated files depend on."""

    min_timeline_length: int = 3
    max_context_length: int = 10
    max_context_movie_genre_length: int = 10
    min_rating: float | None = None
    train_data_fraction: float = 0.9
    build_vocabs: bool = True


def generate(
    data_dir: str, output_dir: str, names: FileNames, settings: Settings
) -> dict[str, Any]:
    """Makes the files, unless they are there, made with the same settings.

    Args:
      data_dir: Folder with `ratings.dat` and `movies.dat`.
      output_dir: Folder to write.
      names: Names of the files.
      settings: See `DataLoader.generate_movielens_dataset`.

    Returns:
      The original's `meta`, and the settings under `settings`.

    Raises:
      UserError: a file is missing or unusable, or a setting out of range.
    """
    _check(settings)
    meta_file = os.path.join(output_dir, names.meta)
    source = {
        name: os.path.getsize(path) if os.path.exists(path) else None
        for name in (movielens_files.RATINGS, movielens_files.MOVIES)
        for path in [os.path.join(data_dir, name)]
    }
    meta = _existing(output_dir, names, settings, source)
    if meta is not None:
        return meta
    ratings, movies = _read(data_dir, settings.min_rating)
    try:
        os.makedirs(output_dir, exist_ok=True)
        # Until the new one is written, the files belong to no settings.
        if os.path.exists(meta_file):
            os.remove(meta_file)
        meta = _write_timelines(ratings, output_dir, names, settings)
        if settings.build_vocabs:
            meta |= movielens_vocab.write(
                output_dir, names.vocab, movies, Counter(ratings.movie.tolist())
            )
        meta |= {"settings": settings._asdict(), "source": source}
        with open(meta_file, "w", encoding="utf-8") as file:
            json.dump(meta, file, indent=2)
    except OSError as error:
        raise UserError(
            f"{output_dir} cannot be written: {error}. Set `generated_examples_dir` "
            "to a folder that can."
        ) from error
    return meta


def _check(settings: Settings) -> None:
    for name in (
        "min_timeline_length",
        "max_context_length",
        "max_context_movie_genre_length",
    ):
        value = getattr(settings, name)
        if value < 1:
            raise UserError(f"`{name}` must be >= 1, received {value}.")
    if not 0 <= settings.train_data_fraction <= 1:
        raise UserError(
            "`train_data_fraction` must be from 0 to 1, received "
            f"{settings.train_data_fraction}."
        )


def _existing(
    output_dir: str,
    names: FileNames,
    settings: Settings,
    source: Mapping[str, int | None],
) -> dict[str, Any] | None:
    paths = {
        f"{part}_file": os.path.join(output_dir, getattr(names, part))
        for part in ("train", "test", "vocab")
    }
    try:
        with open(os.path.join(output_dir, names.meta), encoding="utf-8") as file:
            meta = json.load(file)
    except (OSError, ValueError):
        return None
    if not isinstance(meta, dict):
        return None
    wanted = settings._asdict()
    # Vocabularies that are there do no harm where none were asked for.
    if not settings.build_vocabs and "vocab_file" in meta:
        wanted["build_vocabs"] = True
    if "vocab_file" not in meta:
        del paths["vocab_file"]
    found = meta.get("settings")
    changed = [
        name
        for name, size in source.items()
        if size is not None and meta.get("source", {}).get(name) != size
    ]
    if found != wanted or changed:
        logger.warning(
            "%s holds files made with other settings or data (then %s, now %s); they "
            "are made again. To keep both, set `generated_examples_dir`",
            output_dir,
            found,
            wanted,
        )
        return None
    if not all(os.path.exists(path) for path in paths.values()):
        return None
    return {**meta, **paths}


def _read(data_dir: str, min_rating: float | None) -> tuple[Ratings, dict[int, Movie]]:
    rejected = rejections.Rejections("MovieLens", _MAX_REJECTED_FRACTION)
    movies = movielens_files.read_movies(data_dir, rejected)
    ratings = movielens_files.read_ratings(data_dir, rejected)
    known = np.isin(ratings.movie, np.fromiter(movies, np.int64))
    rejected.add("the movie is not in movies.dat", int((~known).sum()))
    rejected.check()
    if min_rating is not None:
        known &= ratings.rating >= min_rating
    if not known.any():
        raise UserError(
            f"No rating in {data_dir} can be used (`min_rating` {min_rating})."
        )
    return Ratings(*(column[known] for column in ratings)), movies


def _write_timelines(
    ratings: Ratings,
    output_dir: str,
    names: FileNames,
    settings: Settings,
) -> dict[str, Any]:
    order = np.lexsort((ratings.timestamp, ratings.user))
    ratings = Ratings(*(column[order] for column in ratings))
    _, starts, lengths = np.unique(ratings.user, return_index=True, return_counts=True)
    used = lengths >= settings.min_timeline_length
    in_train = _random_split(starts, lengths, used, settings.train_data_fraction)
    paths = [os.path.join(output_dir, name) for name in (names.train, names.test)]
    with (
        timeline_records.writer(paths[0]) as train,
        timeline_records.writer(paths[1]) as test,
    ):
        for start, length in zip(starts[used], lengths[used], strict=True):
            events = slice(start, start + length)
            example = _timeline(ratings, events)
            for number, writer in ((1, train), (0, test)):
                asked = in_train[events] == number
                if asked.any():
                    example.features.feature[timeline.TARGET].CopyFrom(
                        timeline_records.feature(asked.astype(np.int64))
                    )
                    writer.write(example.SerializeToString())
    return {
        "train_file": paths[0],
        "train_size": int((in_train == 1).sum()),
        "test_file": paths[1],
        "test_size": int((in_train == 0).sum()),
    }


def _random_split(
    starts: np.ndarray, lengths: np.ndarray, used: np.ndarray, fraction: float
) -> np.ndarray:
    """Whether events are train (1) or test (0) labels, -1 for neither."""
    found = np.full(int(lengths.sum()), -1, np.int8)
    # A timeline's first event has no context.
    candidates = np.repeat(used, lengths)
    candidates[starts] = False
    examples = np.random.default_rng(_SEED).permutation(np.flatnonzero(candidates))
    # The original's rounding, to the nearest even number.
    last_train = round(len(examples) * fraction)
    found[examples[:last_train]] = 1
    found[examples[last_train:]] = 0
    return found


def _timeline(ratings: Ratings, events: slice) -> tf.train.Example:
    """A user's ratings; the targets are to be added.

    Years and genres are the movie's and stand in its vocabulary.
    """
    return timeline_records.example(
        {
            timeline.USER: [str(ratings.user[events.start]).encode()],
            timeline.TIMESTAMP: ratings.timestamp[events],
            ID: ratings.movie[events],
            RATING: ratings.rating[events],
        }
    )
