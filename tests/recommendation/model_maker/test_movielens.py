"""Model Maker's MovieLens data set: files, sizes, contexts."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ondevice_rec import recommendation
from ondevice_rec.recommendation import spec
from ondevice_rec.recommendation.data import movielens_download
from ondevice_rec.schemas.errors import UserError

Loader = recommendation.DataLoader

# Two movies of one year, one without a year, a Latin-1 title.
MOVIES = [
    "1::Alpha (1995)::Drama|Comedy",
    "2::Bêta (1995)::Comedy",
    "7::Gamma::Comedy|Action|Drama",
    "9::Delta (2000)::War",
]


def test_the_test_utilities_data_give_the_original_sizes(fake_movielens, tmp_path):
    folder = str(tmp_path / "generated")
    meta = Loader.generate_movielens_dataset(
        fake_movielens,
        folder,
        "train.tfrecord",
        "test.tfrecord",
        "movie_vocab.json",
        "meta.json",
    )
    expected = {
        "train_file": os.path.join(folder, "train.tfrecord"),
        "test_file": os.path.join(folder, "test.tfrecord"),
        "vocab_file": os.path.join(folder, "movie_vocab.json"),
        "train_size": 4455,
        "test_size": 495,
        "vocab_size": 101,
        "vocab_max_id": 999,
    }
    assert meta == {**meta, **expected}
    assert meta == json.loads((tmp_path / "generated" / "meta.json").read_text())
    assert Loader.get_num_classes(meta) == 1000


def test_loaders_of_the_test_utilities_data(shared_fake_movielens, movie_spec):
    for tag, size in (("train", 4455), ("test", 495)):
        loader = Loader.from_movielens(shared_fake_movielens, tag, movie_spec())
        assert len(loader) == loader.size == size
        assert len(loader.vocab) == 101
        assert loader.max_vocab_id == 999
        movie = loader.vocab[999]
        assert movie == {**movie, "title": "title999", "count": 0, "id": 999}
        assert movie["genres"] == ["genre10"]
        seen = sum(int(label.shape[0]) for _, label in loader.batches(100))
        assert seen == size


def context_spec(**vocabularies: str) -> spec.InputSpec:
    """Every feature that the examples have, 4 values each."""

    def feature(name, kind, size):
        found = {"feature_name": f"context_{name}", "feature_type": kind}
        if kind != "FLOAT":
            found |= {"embedding_dim": 2, "vocab_size": size}
        if name in vocabularies:
            found["vocab_name"] = vocabularies[name]
        return dict(feature_length=4, **found)

    return spec.InputSpec(
        activity_feature_groups=[
            {
                "features": [
                    feature("movie_id", "INT", 10),
                    feature("movie_rating", "FLOAT", None),
                    feature("movie_year", "INT", 2001),
                ],
                "encoder_type": "BOW",
            },
            {"features": [feature("movie_genre", "STRING", 5)], "encoder_type": "BOW"},
        ],
        label_feature={
            "feature_name": "label_movie_id",
            "feature_type": "INT",
            "vocab_size": 10,
            "embedding_dim": 2,
        },
    )


def contexts(loader: recommendation.DataLoader) -> dict[int, dict[str, list[float]]]:
    """By label, the features."""
    found = {}
    for features, labels in loader.batches(100):
        for row, label in enumerate(np.asarray(labels)[:, 0].tolist()):
            found[label] = {
                name: np.asarray(values)[row].tolist()
                for name, values in features.items()
            }
    return found


def test_contexts_hold_what_the_user_rated_before(movielens_of):
    # In the order of time 7, 1, 2, 9; 7 and 1 share a moment and keep the file's order.
    data = movielens_of(
        MOVIES, ["4::2::3::20", "4::7::5::10", "4::1::4::10", "4::9::1::30"]
    )
    loader = Loader.from_movielens(
        data,
        "train",
        context_spec(movie_genre="movie_genre_vocab.txt"),
        max_context_length=4,
        max_context_movie_genre_length=4,
        train_data_fraction=1.0,
    )
    found = contexts(loader)
    assert sorted(found) == [1, 2, 9]
    # Genres by number of movies: Comedy 3, Drama 2, then Action, War as they come.
    assert (Path(data) / "movie_genre_vocab.txt").read_text().split() == [
        "UNK",
        "Comedy",
        "Drama",
        "Action",
        "War",
    ]
    assert found[2] == {
        "context_movie_id": [7, 1, 0, 0],
        "context_movie_rating": [5.0, 4.0, 0.0, 0.0],
        "context_movie_year": [0, 1995, 0, 0],
        # Comedy, Action, Drama of 7, then Drama, Comedy of 1: the latest four.
        "context_movie_genre": [3, 2, 2, 1],
        "label_movie_id": [2],
    }
    assert found[9]["context_movie_id"] == [7, 1, 2, 0]
    assert found[1]["context_movie_genre"] == [1, 3, 2, 0]


def test_years_and_movies_may_have_a_vocabulary(movielens_of):
    data = movielens_of(MOVIES, ["4::9::5::1", "4::1::4::2", "4::2::3::3"])
    (Path(data) / "movies.txt").write_text("none\n2\n9\n")
    input_spec = context_spec(
        movie_genre="movie_genre_vocab.txt",
        movie_year="movie_year_vocab.txt",
        movie_id="movies.txt",
    )
    input_spec.label_feature.vocab_name = "movies.txt"
    loader = Loader.from_movielens(
        data,
        "train",
        input_spec,
        max_context_length=4,
        max_context_movie_genre_length=4,
        train_data_fraction=1.0,
    )
    # The years: 0, 1995 (two movies), 2000. Movie 1 is on no line: id 0.
    assert (Path(data) / "movie_year_vocab.txt").read_text().split() == [
        "0",
        "1995",
        "2000",
    ]
    found = contexts(loader)
    assert found[1]["context_movie_id"] == [2, 0, 0, 0]
    assert found[1]["context_movie_year"] == [2, 1, 0, 0]
    assert loader.vocab[1]["title"] == "Bêta (1995)"
    assert loader.vocabularies["movie_id"][:3] == ["[OOV]", "2", "9"]
    assert loader.vocabularies["movie_year"][:3] == ["[OOV]", "1995", "2000"]


def test_min_rating_and_min_timeline_length_leave_ratings_out(movielens_of):
    data = movielens_of(
        MOVIES,
        [
            *("1::1::5::1", "1::2::2::2", "1::7::5::3", "1::9::5::4"),
            *("2::1::5::1", "2::2::5::2"),
        ],
    )
    meta = Loader.generate_movielens_dataset(data, min_rating=3)
    # User 1 has three left, 1, 7, 9, and so two examples; user 2 has too few.
    assert meta["train_size"] + meta["test_size"] == 2
    vocab = Loader.load_vocab(meta["vocab_file"])
    # By number of ratings; the same number: as movies.dat has them.
    assert [(v["id"], v["count"]) for v in vocab.values()] == [
        (1, 2),
        (2, 1),
        (7, 1),
        (9, 1),
    ]
    assert vocab[7]["genres"] == ["Comedy", "Action", "Drama"]
    assert vocab[2]["title"] == "Bêta (1995)"


def test_train_and_test_share_no_example(shared_fake_movielens, movie_spec):
    examples = []
    for tag in ("train", "test"):
        loader = Loader.from_movielens(shared_fake_movielens, tag, movie_spec())
        timelines = loader.dataset
        owners = np.repeat(timelines.users, np.diff(timelines.row_splits))
        asked = timelines.target == 1
        examples.append(
            set(zip(owners[asked], timelines.columns["movie_id"][asked], strict=True))
        )
    assert len(examples[0] | examples[1]) == 50 * 99
    assert not examples[0] & examples[1]


def test_files_are_used_again_only_with_the_same_settings(fake_movielens, caplog):
    first = Loader.generate_movielens_dataset(fake_movielens)
    stamp = os.stat(first["train_file"]).st_mtime_ns
    assert Loader.generate_movielens_dataset(fake_movielens) == first
    assert os.stat(first["train_file"]).st_mtime_ns == stamp
    with caplog.at_level(logging.WARNING):
        again = Loader.generate_movielens_dataset(
            fake_movielens, train_data_fraction=0.5
        )
    assert (again["train_size"], again["test_size"]) == (2475, 2475)
    assert "made with other settings" in caplog.text


def test_generated_files_may_be_moved(fake_movielens, tmp_path, movie_spec):
    generated = tmp_path / "generated"
    Loader.generate_movielens_dataset(fake_movielens, str(generated))
    moved = generated.rename(tmp_path / "moved")
    meta = Loader.generate_movielens_dataset(fake_movielens, str(moved))
    assert meta["vocab_file"] == str(moved / "movie_vocab.json")
    loader = Loader.from_movielens(
        fake_movielens, "test", movie_spec(), generated_examples_dir=str(moved)
    )
    assert len(loader) == 495


def test_lines_that_cannot_be_used_are_counted(movielens_of, caplog):
    good = [f"1::{1 + i % 2}::5::{i}" for i in range(100)]
    bad = ["1::1::5", "1::one::5::3", "1::5::5::3", "1::0::5::4"]
    data = movielens_of(MOVIES, [*good, *bad])
    with caplog.at_level(logging.WARNING):
        meta = Loader.generate_movielens_dataset(data)
    assert meta["train_size"] + meta["test_size"] == 99
    assert "4 of 108 rows of MovieLens cannot be used" in caplog.text
    assert "2 (not UserID::MovieID::Rating::Timestamp)" in caplog.text
    assert "1 (the movie is not in movies.dat)" in caplog.text


def test_too_many_unusable_lines_are_refused(movielens_of):
    data = movielens_of(MOVIES, ["1::1::5::1", "1::2::5::2", "what is this"])
    with pytest.raises(UserError, match=r"1 of 7 rows .* more than 5\.0%"):
        Loader.generate_movielens_dataset(data)


def test_missing_data_say_where_to_get_them(tmp_path):
    with pytest.raises(UserError, match="download_and_extract_movielens"):
        Loader.generate_movielens_dataset(str(tmp_path))


def zipped(path: Path) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ml-1m/movies.dat", MOVIES[0])
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_download_is_checked_and_done_once(tmp_path):
    archive = tmp_path / "ml-1m.zip"
    digest = zipped(archive)
    url = archive.as_uri()
    goal = str(tmp_path / "data")
    found = movielens_download.download_and_extract(goal, url, digest)
    assert found == os.path.join(goal, "datasets", "ml-1m")
    assert os.listdir(found) == ["movies.dat"]
    archive.unlink()
    assert movielens_download.download_and_extract(goal, url, digest) == found


def test_another_file_than_the_published_one_is_refused(tmp_path):
    archive = tmp_path / "ml-1m.zip"
    zipped(archive)
    with pytest.raises(UserError, match="sha256 aaaa"):
        movielens_download.download_and_extract(
            str(tmp_path / "data"), archive.as_uri(), "a" * 64
        )
    assert not (tmp_path / "data" / "datasets" / "ml-1m").exists()


def test_without_a_connection_the_error_says_what_to_do(tmp_path):
    with pytest.raises(UserError, match="put the file there yourself"):
        movielens_download.download_and_extract(
            str(tmp_path), (tmp_path / "absent.zip").as_uri()
        )


def test_extracted_data_are_not_downloaded_again(tmp_path):
    folder = tmp_path / "datasets" / "ml-1m"
    folder.mkdir(parents=True)
    assert Loader.download_and_extract_movielens(str(tmp_path)) == str(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data_tag": "validation"}, "`data_tag` must be train or test"),
        ({"max_context_length": 5}, "`feature_length` of `context_movie_id` is 10"),
        ({"generated_examples_dir": "/proc/nowhere"}, "cannot be written"),
        ({"train_data_fraction": 2.0}, "`train_data_fraction` must be from 0 to 1"),
        (
            {"build_vocabs": False, "vocab_filename": "absent.json"},
            "absent.json cannot",
        ),
    ],
)
def test_settings_that_cannot_be_used(shared_fake_movielens, movie_spec, change, words):
    arguments = {
        "data_dir": shared_fake_movielens,
        "data_tag": "train",
        "input_spec": movie_spec(),
    }
    with pytest.raises(ValueError, match=words):
        Loader.from_movielens(**{**arguments, **change})


def without_label(found):
    found.ClearField("label_feature")


def renamed(found):
    found.activity_feature_groups[0].features[0].feature_name = "context_title"


def text(found):
    found.activity_feature_groups[0].features[0].feature_type = 0


def absent_vocabulary(found):
    found.label_feature.vocab_name = found.activity_feature_groups[0].features[
        0
    ].vocab_name = "absent.txt"


@pytest.mark.parametrize(
    ("break_", "words"),
    [
        (without_label, "`label_feature` must name the item"),
        (renamed, "`context_title` is no feature of MovieLens"),
        (text, "`feature_type` of `context_movie_id` must be INT"),
        (absent_vocabulary, "absent.txt of `context_movie_id` cannot be read"),
    ],
)
def test_specs_that_do_not_suit_movielens(
    shared_fake_movielens, movie_spec, break_, words
):
    found = movie_spec()
    break_(found)
    with pytest.raises(UserError, match=words):
        Loader.from_movielens(shared_fake_movielens, "train", found)
