"""Recommends items by their keys, with a model in whatever form it is.

Light to import: TensorFlow is loaded only where the model's form takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ondevice_rec.recommendation.export.assets import (
    FILES,
    POPULAR,
    VOCABULARIES,
    ModelAssets,
)
from ondevice_rec.recommendation.export.signatures import IDS, SCORES, SERVING_BATCH
from ondevice_rec.recommendation.inputs import Inputs
from ondevice_rec.recommendation.ondevice import associated_files, version_folder
from ondevice_rec.recommendation.ondevice.interpreter import Interpreter
from ondevice_rec.recommendation.ondevice.request import checked_top_n
from ondevice_rec.recommendation.ondevice.version_folder import VersionFolder
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.timeline import OOV_ID

if TYPE_CHECKING:
    from ondevice_rec.recommendation.model import RecommendationModel

# Features by name, `[batch, feature_length]` int32 or float32, to ids int32 and scores
# float32, `[batch, num_predictions]` both, best first.
Backend = Callable[[Mapping[str, np.ndarray]], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class RecommendedItem:
    """A recommended item.

    Attributes:
      key: The item's key in the activity log.
      title: What to show; the key where there is no title.
      score: The model's score, 0 to 1.
      id: The item's id in the model.
    """

    key: str
    title: str
    score: float
    id: int


class Recommender:
    """Turns item keys into recommended items.

    The history goes into the inputs made from the item's own column, the latest
    events that fit, oldest first. Inputs for which nothing is given (of the user, or of
    other columns of the events) are left 0, as for values that were never seen in
    training.

    Attributes:
      items: Keys and titles of the items the model knows.
      num_predictions: The most items a call can return.
    """

    def __init__(self, backend: Backend, assets: ModelAssets) -> None:
        """Wraps a model; the class methods do so for each form of one.

        Args:
          backend: The model.
          assets: What it reads, and what its ids mean.

        Raises:
          UserError: the model reads no items.
        """
        self._backend = backend
        self._inputs = Inputs(assets)
        self._popular = assets.popular
        self.items = assets.items
        self.num_predictions = assets.hparams.num_predictions

    @classmethod
    def from_keras(
        cls,
        model: RecommendationModel,
        vocabularies: Mapping[str, Sequence[str]],
        titles: Mapping[str, str] | None = None,
    ) -> Recommender:
        """Wraps a Keras model, whatever backend Keras runs on.

        Args:
          model: The trained model.
          vocabularies: Keys by column; index is the id, index 0 is `[OOV]`.
          titles: What to show for items, by key.

        Raises:
          UserError: the vocabularies do not suit the model, see `ModelAssets`.
        """
        from keras import ops

        assets = ModelAssets(
            model.feature_spec, model.hparams, vocabularies, titles or {}
        )

        def recommend(
            features: Mapping[str, np.ndarray],
        ) -> tuple[np.ndarray, np.ndarray]:
            ids, scores = model.recommend(
                {k: ops.convert_to_tensor(v) for k, v in features.items()}
            )
            return ops.convert_to_numpy(ids), ops.convert_to_numpy(scores)

        return cls(recommend, assets)

    @classmethod
    def from_saved_model(cls, saved_model_dir: str | Path) -> Recommender:
        """Loads a SavedModel that `export.save` wrote.

        Raises:
          UserError: the folder holds none.
        """
        import tensorflow as tf

        from ondevice_rec.recommendation.export.export import load_assets

        assets = load_assets(str(saved_model_dir))
        loaded = tf.saved_model.load(str(saved_model_dir))
        serve = loaded.signatures[SERVING_BATCH]

        def recommend(
            features: Mapping[str, np.ndarray],
        ) -> tuple[np.ndarray, np.ndarray]:
            # The signature does not keep what it was loaded with.
            assert loaded
            outputs = serve(**{k: tf.constant(v) for k, v in features.items()})
            return outputs[IDS].numpy(), outputs[SCORES].numpy()

        return cls(recommend, assets)

    @classmethod
    def from_tflite(cls, path: str | Path) -> Recommender:
        """Loads a `.tflite` file that `export.convert_to_tflite` made.

        Runs on LiteRT, or on TensorFlow where that is missing.

        Raises:
          UserError: there is no such file, or it holds no vocabulary.
        """
        if not Path(path).is_file():
            raise UserError(f"No file {path}. Pass the `.tflite` file of a model.")
        content = Path(path).read_bytes()
        files = associated_files.unpack(content)
        assets = ModelAssets.from_files(files, str(path))
        return cls(Interpreter(content).batch, assets)

    @classmethod
    def from_version(
        cls, folder: str | Path, model_file: str = version_folder.MODEL
    ) -> Recommender:
        """Loads a version folder, or the version that a serving folder serves.

        Every file is compared with the manifest first.

        Args:
          folder: The folder.
          model_file: One of the version's `.tflite` files.

        Raises:
          UserError: there is no version, its files are not those published, or it
            has no such model.
        """

        def read(version: VersionFolder) -> Recommender:
            version.check_files()
            published = version.manifest["files"]
            if model_file not in published:
                models = [name for name in published if name.endswith(".tflite")]
                raise UserError(
                    f"{version.path} has no {model_file}; it has {', '.join(models)}."
                )
            files = {
                name: version.read(name)
                for name in published
                if name in (*FILES, POPULAR) or name.startswith(VOCABULARIES)
            }
            model = Interpreter((version.path / model_file).read_bytes())
            assets = ModelAssets.from_files(files, str(version.path))
            return cls(model.batch, assets)

        return version_folder.read_version(folder, read)

    @property
    def needed_features(self) -> list[str]:
        """Inputs that `features` must hold, for the model to read the history."""
        return sorted(self._inputs.needed)

    def unknown(self, history_keys: Sequence[str]) -> list[str]:
        """The keys of the history that the model does not know, in its order."""
        return [key for key in history_keys if key not in self.items.ids]

    def recommend(
        self,
        history_keys: Sequence[str],
        top_n: int | None = None,
        exclude_seen: bool = False,
        features: Mapping[str, Sequence[str | float]] | None = None,
    ) -> list[RecommendedItem]:
        """Recommends what may come after a history.

        Of a history that is longer than the model's input the latest items count.
        Unknown keys keep their place, as out-of-vocabulary items do in training;
        `unknown` lists them. A history without any known key, or without any key, says
        nothing: the answer is then `popular`, where the model brings that, and an
        error where not.

        Args:
          history_keys: Keys of the items the user acted on, oldest first.
          top_n: Number of items wanted; left out: all the model gives.
          exclude_seen: Leaves out items of the history. They are taken away from the
            model's `num_predictions` items, so fewer than `top_n` may remain.
          features: Values of other inputs by name, see `Inputs`.

        Returns:
          Items, best first.

        Raises:
          UserError: the history has no known key and there are no popular items,
            `top_n` is not between 1 and `num_predictions`, or `features` do not suit
            the model.
        """
        return self.recommend_batch([history_keys], top_n, exclude_seen, [features])[0]

    def recommend_batch(
        self,
        histories: Sequence[Sequence[str]],
        top_n: int | None = None,
        exclude_seen: bool = False,
        features: Sequence[Mapping[str, Sequence[str | float]] | None] | None = None,
    ) -> list[list[RecommendedItem]]:
        """Recommends for several histories, in one call of the model.

        Args:
          histories: As `recommend`'s, one for each user.
          top_n: As `recommend`'s.
          exclude_seen: As `recommend`'s.
          features: As `recommend`'s, one for each user; left out: none.

        Returns:
          What `recommend` gives for each history.

        Raises:
          UserError: as `recommend`.
        """
        wanted = checked_top_n(top_n, self.num_predictions)
        given = [None] * len(histories) if features is None else features
        if len(given) != len(histories):
            raise UserError(
                f"`features` must be one for each of the {len(histories)} histories, "
                f"received {len(given)}."
            )
        ids = [self._ids(history) for history in histories]
        told = [number for number, history in enumerate(ids) if any(history)]
        rows = [self._inputs.fill(ids[number], given[number] or {}) for number in told]
        answers = dict(zip(told, self._answers(rows), strict=True))
        found = []
        for number, history in enumerate(histories):
            items = answers[number] if number in answers else self._fallback(history)
            seen = set(ids[number]) if exclude_seen else set()
            found.append([item for item in items if item.id not in seen][:wanted])
        return found

    @property
    def popular(self) -> list[RecommendedItem]:
        """The items with most events in training, `num_predictions` at most.

        Their score is their share of the events of all popular items that the model
        brings; it does not compare with a model's.
        """
        total = sum(self._popular.values())
        return [
            RecommendedItem(
                key, self.items.title(key), events / total, self.items.ids[key]
            )
            for key, events in self._popular.items()
        ][: self.num_predictions]

    def _answers(
        self, rows: Sequence[Mapping[str, np.ndarray]]
    ) -> list[list[RecommendedItem]]:
        """The model's items for each of the inputs."""
        if not rows:
            return []
        batch = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        ids, scores = self._backend(batch)
        return [
            [
                RecommendedItem(
                    self.items.keys[id_], self.items.titles[id_], float(score), id_
                )
                for id_, score in zip(row_ids, row_scores, strict=True)
                if id_ != OOV_ID
            ]
            for row_ids, row_scores in zip(ids.tolist(), scores.tolist(), strict=True)
        ]

    def _ids(self, history: Sequence[str]) -> list[int]:
        """The ids of the keys, 0 for the unknown ones."""
        if isinstance(history, str):
            raise UserError(
                f"`history_keys` must be a list of keys, received {history!r}. "
                "Pass a list, also for one key."
            )
        for key in history:
            if not isinstance(key, str):
                raise UserError(
                    f"`history_keys` must hold keys as text, received {key!r}, "
                    f"{type(key).__name__}. Keys are as in the log; for ids, look into "
                    "`items.keys`."
                )
        return [self.items.ids.get(key, OOV_ID) for key in history]

    def _fallback(self, history: Sequence[str]) -> list[RecommendedItem]:
        """What to recommend where nothing of the history is known."""
        if self._popular:
            return self.popular
        if not history:
            raise UserError(
                "`history_keys` must hold at least one key, received none. Pass the "
                "items the user acted on, oldest first; only a pushed model knows "
                "what is popular."
            )
        raise UserError(
            "`history_keys` must hold a key that the model knows, received only "
            f"unknown ones: {', '.join(map(repr, history))}. Its keys are "
            f"such as {', '.join(map(repr, self.items.keys[1:4]))}."
        )
