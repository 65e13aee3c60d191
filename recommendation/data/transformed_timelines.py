"""Transformed timelines in files, see docs/architecture.md, read into memory."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from ondevice_rec.recommendation.data import timeline_records
from ondevice_rec.recommendation.feed.timelines import Timelines
from ondevice_rec.recommendation.spec import InputSpec
from ondevice_rec.schemas import input_spec_check, timeline
from ondevice_rec.schemas.errors import UserError

Keys = Mapping[str, Sequence[str]]


def load_keys(
    vocabularies: str | os.PathLike[str] | Keys, input_spec: InputSpec
) -> dict[str, list[str]]:
    """Keys by source column, for the columns of the spec that have ids.

    Args:
      vocabularies: Keys by column, or a folder of `<column>.txt`.
      input_spec: What is read.

    Raises:
      UserError: one is missing.
    """
    found = {}
    for column in input_spec_check.vocabulary_caps(input_spec):
        if isinstance(vocabularies, Mapping):
            if column not in vocabularies:
                raise UserError(
                    f"`vocabularies` has none for column `{column}`; it has "
                    f"{', '.join(sorted(vocabularies)) or 'nothing'}."
                )
            found[column] = list(vocabularies[column])
            continue
        path = os.path.join(vocabularies, f"{column}.txt")
        try:
            with open(path, encoding="utf-8", newline="\n") as file:
                found[column] = [line.rstrip("\n") for line in file]
        except OSError as error:
            raise UserError(
                f"Vocabulary {path} cannot be read: {error.strerror}. Pass the folder "
                "of the vocabularies, or keys by column."
            ) from error
    return found


def filled_in(input_spec: InputSpec, keys: Keys) -> InputSpec:
    """The spec with every `vocab_size` as its vocabulary says."""
    spec = InputSpec()
    spec.CopyFrom(input_spec)
    for feature in [*input_spec_check.context_features(spec), spec.label_feature]:
        if input_spec_check.is_embedded(feature):
            feature.vocab_size = len(keys[input_spec_check.source_column(feature)])
    return spec


def read_splits(
    path: str, input_spec: InputSpec
) -> tuple[Timelines, Timelines, Timelines]:
    """The timelines of train, validation and test; a split may be missing.

    Raises:
      UserError: there is no train split, or a column is missing or not transformed.
    """
    files = [
        sorted(tf.io.gfile.glob(os.path.join(path, f"Split-{name}", "*")))
        for name in timeline.SPLITS
    ]
    if not files[0]:
        raise UserError(
            f"{path} has no timelines in Split-{timeline.TRAIN}/. Pass the folder of "
            "the transformed examples."
        )
    kinds = timeline_records.kinds(files[0])
    train, validation, test = (_read(part, kinds, input_spec) for part in files)
    return train, validation, test


def counts(timelines: Timelines, column: str, vocab_size: int) -> list[int]:
    """Number of times the timelines have each id; segments' overlaps count twice."""
    return np.bincount(timelines.columns[column], minlength=vocab_size).tolist()


def _read(
    files: Sequence[str], kinds: Mapping[str, str | None], input_spec: InputSpec
) -> Timelines:
    of_user = {
        input_spec_check.source_column(feature)
        for group in input_spec.global_feature_groups
        for feature in group.features
    }
    dtypes = {
        timeline.USER: tf.string,
        timeline.TIMESTAMP: tf.int64,
        timeline.TARGET: tf.int64,
        timeline.OVERLAP: tf.int64,
    }
    of_events, several = [], []
    for feature in [
        *input_spec_check.context_features(input_spec),
        input_spec.label_feature,
    ]:
        column = input_spec_check.source_column(feature)
        embedded = input_spec_check.is_embedded(feature)
        _check_kind(kinds, column, "int64_list" if embedded else "float_list")
        dtypes[column] = tf.int64 if embedded else tf.float32
        if column not in of_user:
            of_events.append(column)
        lengths = column + timeline.LENGTHS_SUFFIX
        if lengths in kinds and column not in of_user:
            dtypes[lengths] = tf.int64
            several.append(column)
    parts = timeline_records.read(files, dtypes)
    splits = parts[timeline.TIMESTAMP].row_splits
    return Timelines(
        users=parts[timeline.USER].values.tolist(),
        row_splits=splits,
        timestamp=parts[timeline.TIMESTAMP].values,
        target=_outside_overlap(
            parts[timeline.TARGET].values, splits, parts[timeline.OVERLAP]
        ),
        columns={column: parts[column].values for column in of_events},
        lengths={
            column: parts[column + timeline.LENGTHS_SUFFIX].values for column in several
        },
        user_columns={
            column: (parts[column].values, parts[column].row_splits)
            for column in of_user
        },
    )


def _outside_overlap(
    target: np.ndarray, splits: np.ndarray, overlap: timeline_records.Ragged
) -> np.ndarray:
    """Targets without those that the segment before has asked for."""
    lengths = np.diff(splits)
    repeated = np.zeros(len(lengths), np.int64)
    given = np.diff(overlap.row_splits) > 0
    repeated[given] = overlap.values
    position = np.arange(len(target)) - np.repeat(splits[:-1], lengths)
    return np.where(position < np.repeat(repeated, lengths), 0, target)


def _check_kind(kinds: Mapping[str, str | None], column: str, kind: str) -> None:
    if column not in kinds:
        raise UserError(
            f"Column `{column}` is not in the timelines, which have "
            f"{', '.join(sorted(kinds))}. Set `column` of the feature in `input_spec`."
        )
    if kinds[column] not in (kind, None):
        raise UserError(
            f"Column `{column}` must hold an {kind}, received a {kinds[column]}. Are "
            "these the transformed timelines, and is its `feature_type` right?"
        )
