"""Data for the recommendation task: Model Maker's `recommendation.DataLoader`."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ondevice_rec.recommendation.data import (
    event_log,
    log_readers,
    log_timelines,
    movielens,
    movielens_download,
    movielens_timelines,
    movielens_vocab,
    transformed_timelines,
)
from ondevice_rec.recommendation.data.example_loader import ExampleLoader
from ondevice_rec.recommendation.data.rejections import Rejections
from ondevice_rec.recommendation.data.split import Split
from ondevice_rec.recommendation.spec import InputSpec
from ondevice_rec.schemas import input_spec_check
from ondevice_rec.schemas.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

_NAMES = movielens.FileNames()
_SETTINGS = movielens.Settings()


class Loaders(NamedTuple):
    """The splits of a log: to learn from, to choose with, to measure on."""

    train: DataLoader
    validation: DataLoader
    test: DataLoader


class DataLoader(ExampleLoader):
    """Examples of MovieLens, of any log of activity, or of a data set of one's own."""

    @classmethod
    def load_vocab(cls, vocab_file: str) -> OrderedDict[int, dict[str, Any]]:
        """Reads `movie_vocab.json`, a list of `[id, title, genres, count]`.

        Returns:
          By id, `{"id": int, "title": str, "genres": list[str], "count": int}`.

        Raises:
          UserError: the file cannot be read.
        """
        return movielens_vocab.load(vocab_file)

    @classmethod
    def get_num_classes(cls, meta: Mapping[str, Any]) -> int:
        """The largest id in the vocabulary + 1, as id 0 is reserved.

        Args:
          meta: What `generate_movielens_dataset` returns.

        Raises:
          UserError: it has no vocabulary.
        """
        if "vocab_max_id" not in meta:
            raise UserError(
                "`meta` has no `vocab_max_id`: the data set was made without "
                "vocabularies. Set `build_vocabs`."
            )
        return int(meta["vocab_max_id"]) + 1

    @classmethod
    def download_and_extract_movielens(cls, download_dir: str) -> str:
        """Fetches MovieLens-1M (sha256-checked), unless it is there already.

        Returns:
          Folder of the extracted files.

        Raises:
          UserError: it cannot be fetched.
        """
        return movielens_download.download_and_extract(download_dir)

    @classmethod
    def generate_movielens_dataset(
        cls,
        data_dir: str,
        generated_examples_dir: str | None = None,
        train_filename: str = _NAMES.train,
        test_filename: str = _NAMES.test,
        vocab_filename: str = _NAMES.vocab,
        meta_filename: str = _NAMES.meta,
        min_timeline_length: int = _SETTINGS.min_timeline_length,
        max_context_length: int = _SETTINGS.max_context_length,
        max_context_movie_genre_length: int = (
            _SETTINGS.max_context_movie_genre_length
        ),
        min_rating: float | None = _SETTINGS.min_rating,
        train_data_fraction: float = _SETTINGS.train_data_fraction,
        build_vocabs: bool = _SETTINGS.build_vocabs,
    ) -> dict[str, Any]:
        """Makes Model Maker's train and test sets of MovieLens.

        Every rating but a user's first is the label of one example; examples are
        divided at random, always in the same way. A test label is therefore part of
        the context of train examples: for figures that hold on new data use
        `from_csv`. Files that are there already are used again where they were made
        with the same settings.

        Args:
          data_dir: Folder with `ratings.dat` and `movies.dat`.
          generated_examples_dir: Folder to write; None: `data_dir`.
          train_filename: Timelines with the train labels marked.
          test_filename: Timelines with the test labels marked.
          vocab_filename: The movies, see `load_vocab`.
          meta_filename: What is returned, as JSON.
          min_timeline_length: Users with fewer ratings are left out.
          max_context_length: Ratings in a context.
          max_context_movie_genre_length: Genres in a context.
          min_rating: Lower ratings are left out.
          train_data_fraction: Share of the examples to train on.
          build_vocabs: Writes vocabularies of movies, years and genres.

        Returns:
          `train_file`, `train_size`, `test_file`, `test_size` and, with `build_vocabs`,
          `vocab_file`, `vocab_size`, `vocab_max_id` and file and size of `year_vocab`
          and `genre_vocab`.

        Raises:
          UserError: the data cannot be read or the files not written.
        """
        return movielens.generate(
            data_dir,
            generated_examples_dir or data_dir,
            movielens.FileNames(
                train_filename, test_filename, vocab_filename, meta_filename
            ),
            movielens.Settings(
                min_timeline_length,
                max_context_length,
                max_context_movie_genre_length,
                min_rating,
                train_data_fraction,
                build_vocabs,
            ),
        )

    @classmethod
    def from_movielens(
        cls,
        data_dir: str,
        data_tag: str,
        input_spec: InputSpec,
        generated_examples_dir: str | None = None,
        min_timeline_length: int = _SETTINGS.min_timeline_length,
        max_context_length: int = _SETTINGS.max_context_length,
        max_context_movie_genre_length: int = (
            _SETTINGS.max_context_movie_genre_length
        ),
        min_rating: float | None = _SETTINGS.min_rating,
        train_data_fraction: float = _SETTINGS.train_data_fraction,
        build_vocabs: bool = _SETTINGS.build_vocabs,
        train_filename: str = _NAMES.train,
        test_filename: str = _NAMES.test,
        vocab_filename: str = _NAMES.vocab,
        meta_filename: str = _NAMES.meta,
    ) -> DataLoader:
        """The train or test set of `generate_movielens_dataset`.

        Features are `context_movie_id`, `context_movie_rating` (FLOAT),
        `context_movie_genre` (STRING, with a `vocab_name`), `context_movie_year` and
        `label_movie_id`.

        Args:
          data_dir: Folder with `ratings.dat` and `movies.dat`.
          data_tag: "train" or "test".
          input_spec: Features to read. Ids of movies and years are the numbers
            themselves, unless the feature has a `vocab_name`.
          generated_examples_dir: See `generate_movielens_dataset`.
          min_timeline_length: See there.
          max_context_length: See there; the `feature_length` of the features.
          max_context_movie_genre_length: See there; that of `context_movie_genre`.
          min_rating: See there.
          train_data_fraction: See there.
          build_vocabs: See there.
          train_filename: See there.
          test_filename: See there.
          vocab_filename: See there.
          meta_filename: See there.

        Raises:
          UserError: the spec asks for what MovieLens has not, a vocabulary is missing,
            or as `generate_movielens_dataset`.
        """
        if data_tag not in ("train", "test"):
            raise UserError(f"`data_tag` must be train or test, received {data_tag!r}.")
        movielens_timelines.check(
            input_spec, max_context_length, max_context_movie_genre_length
        )
        folder = generated_examples_dir or data_dir
        meta = cls.generate_movielens_dataset(
            data_dir,
            folder,
            train_filename,
            test_filename,
            vocab_filename,
            meta_filename,
            min_timeline_length,
            max_context_length,
            max_context_movie_genre_length,
            min_rating,
            train_data_fraction,
            build_vocabs,
        )
        vocab = cls.load_vocab(
            meta.get("vocab_file") or os.path.join(folder, vocab_filename)
        )
        spec = movielens_timelines.filled_in(input_spec, folder, max(vocab))
        loader = cls(
            movielens_timelines.read(meta[f"{data_tag}_file"], spec, folder, vocab),
            meta[f"{data_tag}_size"],
            movielens_timelines.by_label_id(vocab, spec, folder),
            input_spec=spec,
            vocabularies=movielens_timelines.keys(spec, folder),
        )
        loader._feed_spec = movielens_timelines.as_context(spec)
        return loader

    @classmethod
    def from_csv(
        cls,
        path: str | os.PathLike[str],
        input_spec: InputSpec,
        *,
        user: str = "user",
        item: str = "item",
        timestamp: str = "timestamp",
        title: str | None = None,
        separators: Mapping[str, str] | None = None,
        delimiter: str | None = None,
        split: str | Split = "leave_last_out",
        min_timeline: int = 2,
        min_count: int = 1,
        max_rejected_fraction: float = 0.05,
    ) -> Loaders:
        """Train, validation and test examples of any log of activity.

        One row is one event. A feature is made from the column that its `column`
        names or, left out, its `feature_name` without "context_" or "label_"; "item"
        is the item's column. STRING and INT values get ids from a vocabulary of the
        train events, by decreasing count, equal counts by key; id 0 is padding and
        what train does not have. Activity features have a value, or several, per
        event; global features the user's latest.

        Args:
          path: CSV files with a header line, gzip or not: a file or a glob.
          input_spec: Features to make; a `vocab_size` caps the vocabulary.
          user: Column that says who acted.
          item: Column that says on which item.
          timestamp: Column that says when: numbers >= 0 or ISO 8601 dates. Events of a
            user are put in its order, equal ones keep that of the rows.
          title: Column with what to show for the item; None: its key.
          separators: What stands between several values, by column: `{"genres": "|"}`.
          delimiter: Between columns; None: a tab in .tsv files, else a comma.
          split: A strategy's name, or a `Split`. By default a user's last event is for
            the test, the one before for the validation, and train knows neither.
          min_timeline: Users with fewer events are left out.
          min_count: Keys that train has less often share id 0.
          max_rejected_fraction: Largest share of rows that cannot be used; fewer are
            left out, and a warning says how many and why.

        Returns:
          `train, validation, test`; where nobody is long enough, the last two are
          empty.

        Raises:
          UserError: the files or columns cannot be read, too many rows cannot be
            used, there is nothing to train on, or a setting is out of range.
        """
        names = event_log.Names(user, item, timestamp, title, separators or {})
        rejected = Rejections(os.fspath(path), max_rejected_fraction)
        wanted = event_log.columns_needed(input_spec, names)
        columns = log_readers.csv(path, wanted, delimiter, rejected)
        return cls._of_log(
            columns, input_spec, names, rejected, split, min_timeline, min_count
        )

    @classmethod
    def from_dataframe(
        cls,
        frame: pd.DataFrame,
        input_spec: InputSpec,
        *,
        user: str = "user",
        item: str = "item",
        timestamp: str = "timestamp",
        title: str | None = None,
        separators: Mapping[str, str] | None = None,
        split: str | Split = "leave_last_out",
        min_timeline: int = 2,
        min_count: int = 1,
        max_rejected_fraction: float = 0.05,
    ) -> Loaders:
        """As `from_csv`, of a pandas data frame; cells may hold lists of values."""
        names = event_log.Names(user, item, timestamp, title, separators or {})
        wanted = event_log.columns_needed(input_spec, names)
        return cls._of_log(
            log_readers.frame(frame, wanted),
            input_spec,
            names,
            Rejections("the data frame", max_rejected_fraction),
            split,
            min_timeline,
            min_count,
        )

    @classmethod
    def from_timelines(
        cls,
        timelines: Mapping[Any, log_readers.Timeline] | Sequence[log_readers.Timeline],
        input_spec: InputSpec,
        *,
        user: str = "user",
        item: str = "item",
        timestamp: str | None = None,
        title: str | None = None,
        split: str | Split = "leave_last_out",
        min_timeline: int = 2,
        min_count: int = 1,
        max_rejected_fraction: float = 0.05,
    ) -> Loaders:
        """As `from_csv`, of lists of events.

        Args:
          timelines: The events of each user, by user or in any order of the users. An
            event is the item's key, or a mapping from columns to values (or lists).
          input_spec: Features to make.
          user: Name of the users' column.
          item: The items' column in events that are mappings.
          timestamp: Their column that says when; None: events are oldest first.
          title: See `from_csv`.
          split: See there.
          min_timeline: See there.
          min_count: See there.
          max_rejected_fraction: See there.
        """
        names = event_log.Names(user, item, timestamp, title)
        wanted = event_log.columns_needed(input_spec, names)
        return cls._of_log(
            log_readers.timelines(timelines, wanted, user, item),
            input_spec,
            names,
            Rejections("the timelines", max_rejected_fraction),
            split,
            min_timeline,
            min_count,
        )

    @classmethod
    def from_tfrecord(
        cls,
        path: str | os.PathLike[str],
        input_spec: InputSpec,
        vocabularies: str | os.PathLike[str] | Mapping[str, Sequence[str]],
        *,
        titles: Mapping[str, str] | None = None,
    ) -> Loaders:
        """The splits of transformed timelines, as the pipeline's components write them.

        Args:
          path: Folder with `Split-train/` and, where there are any, `Split-validation/`
            and `Split-test/`; see "Transformed timelines" in docs/architecture.md.
          input_spec: Features to read.
          vocabularies: Keys by source column, index is the id; or a folder of
            `<column>.txt` (line i is the key of id i, line 0 `[OOV]`), such as a
            model's `assets.extra/vocabularies`.
          titles: What to show for the items, by key.

        Raises:
          UserError: files, columns or vocabularies are missing or do not fit.
        """
        keys = transformed_timelines.load_keys(vocabularies, input_spec)
        spec = transformed_timelines.filled_in(input_spec, keys)
        parts = transformed_timelines.read_splits(os.fspath(path), spec)
        label = input_spec_check.source_column(spec.label_feature)
        vocab = _item_vocab(
            keys[label],
            transformed_timelines.counts(parts[0], label, len(keys[label])),
            titles,
        )
        return Loaders(
            *(
                cls(part, None, vocab, input_spec=spec, vocabularies=keys)
                for part in parts
            )
        )

    @classmethod
    def _of_log(
        cls,
        columns: Mapping[str, Any],
        input_spec: InputSpec,
        names: event_log.Names,
        rejected: Rejections,
        split: str | Split,
        min_timeline: int,
        min_count: int,
    ) -> Loaders:
        log = event_log.from_columns(columns, input_spec, names, rejected)
        found = log_timelines.build(
            log,
            input_spec,
            names,
            split if isinstance(split, Split) else Split(split),
            min_timeline,
            min_count,
        )
        items = found.vocabularies[
            input_spec_check.source_column(found.input_spec.label_feature)
        ]
        vocab = _item_vocab(items.keys, items.counts, log.titles)
        keys = {
            column: found.vocabularies[column].keys for column in found.vocabularies
        }
        return Loaders(
            *(
                cls(part, None, vocab, input_spec=found.input_spec, vocabularies=keys)
                for part in found.parts
            )
        )


def _item_vocab(
    keys: Sequence[str], counts: Sequence[int], titles: Mapping[str, str] | None
) -> OrderedDict[int, dict[str, Any]]:
    """The items by id, id 0 left out."""
    titles = titles or {}
    return OrderedDict(
        (
            id_,
            {
                "id": id_,
                "key": keys[id_],
                "title": titles.get(keys[id_], keys[id_]),
                "count": int(counts[id_]),
            },
        )
        for id_ in range(1, len(keys))
    )
