"""The fake MovieLens that Model Maker's own tests use, made anew, and its specs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.recommendation import spec

Specs = Callable[..., spec.InputSpec]


def write_movielens(folder: Path, movies: list[str], ratings: list[str]) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (("movies.dat", movies), ("ratings.dat", ratings)):
        text = "".join(f"{line}\n" for line in lines)
        (folder / name).write_bytes(text.encode("latin-1"))
    return str(folder)


@pytest.fixture
def movielens_of(tmp_path: Path) -> Callable[[list[str], list[str]], str]:
    """Writes a data set of these lines of movies.dat and ratings.dat."""
    return lambda movies, ratings: write_movielens(tmp_path / "ml", movies, ratings)


def fake_lines() -> tuple[list[str], list[str]]:
    """Movies 1 to 100 and 999; users 1 to 50 rate 1 to 100, all at one time."""
    movies = [f"{i}::title{i}::genre1|genre2" for i in range(1, 101)]
    movies.append("999::title999::genre10")
    ratings = [f"{u}::{m}::5::978000001" for u in range(1, 51) for m in range(1, 101)]
    return movies, ratings


@pytest.fixture
def fake_movielens(tmp_path: Path) -> str:
    return write_movielens(tmp_path / "fake", *fake_lines())


@pytest.fixture(scope="session")
def shared_fake_movielens(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same for tests that write nothing there but the default files."""
    return write_movielens(tmp_path_factory.mktemp("fake"), *fake_lines())


@pytest.fixture(scope="session")
def movie_spec() -> Specs:
    """`get_input_spec` of Model Maker's test utilities."""

    def make(encoder: str = "BOW", vocab_size: int = 1000, **label: Any) -> Any:
        return spec.InputSpec(
            activity_feature_groups=[
                {
                    "features": [
                        {
                            "feature_name": "context_movie_id",
                            "feature_type": "INT",
                            "vocab_size": vocab_size,
                            "embedding_dim": 8,
                            "feature_length": 10,
                        }
                    ],
                    "encoder_type": encoder,
                }
            ],
            label_feature={
                "feature_name": "label_movie_id",
                "feature_type": "INT",
                "vocab_size": vocab_size,
                "embedding_dim": 8,
                "feature_length": 1,
                **label,
            },
        )

    return make


@pytest.fixture(scope="session")
def movie_hparams() -> Callable[..., spec.ModelHParams]:
    """`get_model_hparams` of Model Maker's test utilities."""

    def make(**changes: Any) -> spec.ModelHParams:
        return spec.ModelHParams(
            **{
                "hidden_layer_dims": [32, 32],
                "eval_top_k": [1, 5],
                "conv_num_filter_ratios": [2, 4],
                "conv_kernel_size": 16,
                "lstm_num_units": 16,
                "num_predictions": 10,
                **changes,
            }
        )

    return make


@pytest.fixture(scope="session")
def log_spec() -> Callable[..., spec.InputSpec]:
    """A spec of a log's columns: the item, then further features of its group."""

    def make(
        *features: dict[str, Any], length: int = 4, users: list[Any] | None = None
    ) -> spec.InputSpec:
        item = {"feature_type": "STRING", "embedding_dim": 4}
        return spec.InputSpec(
            global_feature_groups=[{"features": users, "encoder_type": "BOW"}]
            if users
            else [],
            activity_feature_groups=[
                {
                    "features": [
                        dict(
                            feature_name="context_item", feature_length=length, **item
                        ),
                        *(dict(feature_length=length, **f) for f in features),
                    ],
                    "encoder_type": "BOW",
                }
            ],
            label_feature=dict(feature_name="label_item", **item),
        )

    return make
