"""Model Maker's MovieLens files as the timelines that an input spec asks for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from ondevice_rec.recommendation.data import (
    movielens,
    movielens_files,
    movielens_vocab,
    timeline_records,
)
from ondevice_rec.recommendation.data.log_columns import EventColumn
from ondevice_rec.recommendation.export.items import OOV_KEY
from ondevice_rec.recommendation.feed.timelines import Timelines
from ondevice_rec.recommendation.spec import Feature, FeatureType, InputSpec
from ondevice_rec.schemas import input_spec_check, timeline
from ondevice_rec.schemas.errors import UserError

# Four digits.
_MAX_YEAR = 9999

# Columns of the examples, and their types.
_TYPES = {
    movielens.ID: "INT",
    movielens.RATING: "FLOAT",
    movielens.GENRE: "STRING",
    movielens.YEAR: "INT",
}
# Columns of the files.
_DTYPES = {
    timeline.USER: tf.string,
    timeline.TIMESTAMP: tf.int64,
    timeline.TARGET: tf.int64,
    movielens.ID: tf.int64,
    movielens.RATING: tf.float32,
}

Vocab = Mapping[int, dict[str, Any]]


def check(input_spec: InputSpec, max_length: int, max_genre_length: int) -> None:
    """Checks that the spec asks for what the examples have.

    Args:
      input_spec: To check.
      max_length: Values in a context, the examples' `max_context_length`.
      max_genre_length: Genres in a context, `max_context_movie_genre_length`.

    Raises:
      UserError: no label, another column or type, or another length.
    """
    label = input_spec.label_feature
    if not input_spec.HasField("label_feature") or not label.feature_name:
        raise UserError(
            "`label_feature` must name the item to predict, received none. Set it in "
            "`input_spec`, e.g. to `label_movie_id`."
        )
    features = input_spec_check.context_features(input_spec)
    for feature in [*features, label]:
        _check_column(feature)
    for feature in features:
        name, length = "max_context_length", max_length
        if input_spec_check.source_column(feature) == movielens.GENRE:
            name, length = "max_context_movie_genre_length", max_genre_length
        if feature.feature_length != length:
            raise UserError(
                f"`feature_length` of `{feature.feature_name}` is "
                f"{feature.feature_length}, but the examples have `{name}` {length}. "
                "Set both the same."
            )


def _check_column(feature: Feature) -> None:
    column = input_spec_check.source_column(feature)
    if column not in _TYPES:
        raise UserError(
            f"`{feature.feature_name}` is no feature of MovieLens, which has "
            f"{', '.join(f'context_{name}' for name in _TYPES)} and "
            f"label_{movielens.ID}. Rename it in `input_spec`."
        )
    expected = _TYPES[column]
    received = FeatureType.Name(feature.feature_type)
    if received != expected:
        raise UserError(
            f"`feature_type` of `{feature.feature_name}` must be {expected}, received "
            f"{received}. Set it in `input_spec`."
        )
    if expected == "STRING" and not feature.vocab_name:
        raise UserError(
            f"`{feature.feature_name}` has no `vocab_name`: STRING features need a "
            f"vocabulary. Set it in `input_spec`, e.g. to {movielens_vocab.GENRES}."
        )


def read(file: str, input_spec: InputSpec, vocab_dir: str, vocab: Vocab) -> Timelines:
    """Reads the columns that the spec asks for.

    Keys of features with a `vocab_name` become the number of their line, or 0 where
    they have none; INT features without one are ids themselves.

    Args:
      file: Written by `movielens.generate`.
      input_spec: Checked by `check`.
      vocab_dir: Folder of the vocabularies.
      vocab: The movies, whose years and genres are read.

    Raises:
      UserError: a vocabulary or the file cannot be read, or features of one column
        have two vocabularies.
    """
    parts = timeline_records.read([file], _DTYPES)
    movies = parts[movielens.ID].values
    columns, lengths = {}, {}
    for column, (feature_name, vocab_name) in _vocabularies(input_spec).items():
        if column == movielens.GENRE:
            genres = [_genres(vocab, movie_id) for movie_id in range(max(vocab) + 1)]
            counts = np.array([len(one) for one in genres], np.int64)
            of_movies = EventColumn(
                np.array([genre for one in genres for genre in one], object),
                lengths=counts,
            ).take(movies)
            values = of_movies.values
            assert of_movies.lengths is not None
            lengths[column] = of_movies.lengths
        elif column == movielens.YEAR:
            years = np.zeros(max(vocab) + 1, np.int64)
            for movie_id, movie in vocab.items():
                years[movie_id] = movielens_files.year_of(movie["title"])
            values = years[movies]
        else:
            values = parts[column].values
        if vocab_name:
            keys = movielens_vocab.read_keys(vocab_dir, feature_name, vocab_name)
            values = _ids(values, keys)
        columns[column] = values
    return Timelines(
        users=parts[timeline.USER].values.tolist(),
        row_splits=parts[timeline.TIMESTAMP].row_splits,
        timestamp=parts[timeline.TIMESTAMP].values,
        target=parts[timeline.TARGET].values,
        columns=columns,
        lengths=lengths,
    )


def _genres(vocab: Vocab, movie_id: int) -> list[bytes]:
    genres = vocab[movie_id]["genres"] if movie_id in vocab else []
    return [genre.encode() for genre in genres if genre]


def filled_in(input_spec: InputSpec, vocab_dir: str, max_movie_id: int) -> InputSpec:
    """The spec with every `vocab_size`, those that are set kept."""
    spec = InputSpec()
    spec.CopyFrom(input_spec)
    sizes = {movielens.ID: max_movie_id + 1, movielens.YEAR: _MAX_YEAR + 1}
    for feature in [*input_spec_check.context_features(spec), spec.label_feature]:
        if not input_spec_check.is_embedded(feature) or feature.HasField("vocab_size"):
            continue
        if feature.vocab_name:
            keys = movielens_vocab.read_keys(
                vocab_dir, feature.feature_name, feature.vocab_name
            )
            feature.vocab_size = max(keys.values(), default=0) + 1
        else:
            feature.vocab_size = sizes[input_spec_check.source_column(feature)]
    return spec


def keys(input_spec: InputSpec, vocab_dir: str) -> dict[str, list[str]]:
    """Keys by column, index is the id, as they travel with the model.

    Args:
      input_spec: With every `vocab_size`, the number of keys.
      vocab_dir: Folder of the vocabularies.
    """
    found = {}
    for feature in [
        *input_spec_check.context_features(input_spec),
        input_spec.label_feature,
    ]:
        if not input_spec_check.is_embedded(feature):
            continue
        names = [str(number) for number in range(feature.vocab_size)]
        if feature.vocab_name:
            # Ids that no line stands for.
            names = [f"[{number}]" for number in range(feature.vocab_size)]
            for key, number in movielens_vocab.read_keys(
                vocab_dir, feature.feature_name, feature.vocab_name
            ).items():
                if number < feature.vocab_size:
                    names[number] = key.decode()
        found[input_spec_check.source_column(feature)] = [OOV_KEY, *names[1:]]
    return found


def _vocabularies(input_spec: InputSpec) -> dict[str, tuple[str, str]]:
    """Columns to read, with the feature and the vocabulary that decide the ids."""
    found: dict[str, tuple[str, str]] = {}
    for feature in [
        *input_spec_check.context_features(input_spec),
        input_spec.label_feature,
    ]:
        column = input_spec_check.source_column(feature)
        known = found.setdefault(column, (feature.feature_name, feature.vocab_name))
        if known[1] != feature.vocab_name:
            raise UserError(
                f"`{known[0]}` and `{feature.feature_name}` are made from `{column}` "
                f"and must have the same `vocab_name`, received {known[1]!r} and "
                f"{feature.vocab_name!r}. Set the same in `input_spec`."
            )
    return found


def _ids(values: np.ndarray, keys: dict[bytes, int]) -> np.ndarray:
    codes, distinct = pd.factorize(values)
    ids = [
        keys.get(value if isinstance(value, bytes) else str(value).encode(), 0)
        for value in distinct.tolist()
    ]
    return np.array(ids, np.int64)[codes]


def as_context(input_spec: InputSpec) -> InputSpec:
    """The spec with global groups fed as activity groups, as in Model Maker's examples.

    MovieLens's examples have no columns of the user.
    """
    spec = InputSpec(label_feature=input_spec.label_feature)
    spec.activity_feature_groups.extend(input_spec_check.groups(input_spec))
    return spec


def by_label_id(
    vocab: Vocab, input_spec: InputSpec, vocab_dir: str
) -> OrderedDict[int, dict[str, Any]]:
    """The movies by the id that the label has for them."""
    label = input_spec.label_feature
    ids = None
    if label.vocab_name:
        ids = movielens_vocab.read_keys(vocab_dir, label.feature_name, label.vocab_name)
    found = OrderedDict()
    for movie_id, movie in vocab.items():
        id_ = movie_id if ids is None else ids.get(str(movie_id).encode(), 0)
        if id_:
            found[id_] = {**movie, "id": id_, "key": str(movie_id)}
    return found
