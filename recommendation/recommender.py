"""Recommends items by their keys, with a model in whatever form it is.

Light to import: TensorFlow is loaded only where the model's form takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ondevice_rec.recommendation.assets import FILES, VOCABULARIES, ModelAssets
from ondevice_rec.recommendation.inputs import Inputs
from ondevice_rec.recommendation.ondevice import associated_files, version_folder
from ondevice_rec.recommendation.ondevice.interpreter import Interpreter
from ondevice_rec.recommendation.ondevice.request import checked_top_n
from ondevice_rec.recommendation.signatures import IDS, SCORES, SERVING
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.timeline import OOV_ID

if TYPE_CHECKING:
    from ondevice_rec.recommendation.model import RecommendationModel

# Features by name, `[feature_length]` int32 or float32, to ids int32 and scores
# float32, `[num_predictions]` both, best first.
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
                {
                    name: ops.convert_to_tensor(values[np.newaxis])
                    for name, values in features.items()
                }
            )
            return ops.convert_to_numpy(ids)[0], ops.convert_to_numpy(scores)[0]

        return cls(recommend, assets)

    @classmethod
    def from_saved_model(cls, saved_model_dir: str | Path) -> Recommender:
        """Loads a SavedModel that `export.save` wrote.

        Raises:
          UserError: the folder holds none.
        """
        import tensorflow as tf

        from ondevice_rec.recommendation.export import load_assets

        assets = load_assets(str(saved_model_dir))
        loaded = tf.saved_model.load(str(saved_model_dir))
        serve = loaded.signatures[SERVING]

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
        return cls(Interpreter(content), assets)

    @classmethod
    def from_version(cls, folder: str | Path) -> Recommender:
        """Loads a version folder, or the latest version of a serving folder.

        Raises:
          UserError: there is no version, or its files are not those published.
        """
        version = version_folder.open_version(folder)
        version.check_files()
        files = {
            name: version.read(name)
            for name in version.manifest["files"]
            if name in FILES or name.startswith(VOCABULARIES)
        }
        model = (version.path / version_folder.MODEL).read_bytes()
        return cls(Interpreter(model), ModelAssets.from_files(files, str(version.path)))

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

        Unknown keys keep their place, as out-of-vocabulary items do in training;
        `unknown` lists them.

        Args:
          history_keys: Keys of the items the user acted on, oldest first.
          top_n: Number of items wanted; left out: all the model gives.
          exclude_seen: Leaves out items of the history. They are taken away from the
            model's `num_predictions` items, so fewer than `top_n` may remain.
          features: Values of other inputs by name, see `Inputs`.

        Returns:
          Items, best first.

        Raises:
          UserError: the history is empty or has unknown keys only, `top_n` is not
            between 1 and `num_predictions`, or `features` do not suit the model.
        """
        if isinstance(history_keys, str):
            raise UserError(
                f"`history_keys` must be a list of keys, received {history_keys!r}. "
                "Pass a list, also for one key."
            )
        wanted = checked_top_n(top_n, self.num_predictions)
        history = self._checked_history(history_keys)
        ids, scores = self._backend(self._inputs.fill(history, features or {}))
        seen = set(history) if exclude_seen else set()
        found = [
            RecommendedItem(
                self.items.keys[id_], self.items.titles[id_], float(score), id_
            )
            for id_, score in zip(ids.tolist(), scores.tolist(), strict=True)
            if id_ != OOV_ID and id_ not in seen
        ]
        return found[:wanted]

    def _checked_history(self, history_keys: Sequence[str]) -> list[int]:
        """The ids of the keys, 0 for the unknown ones."""
        if not history_keys:
            raise UserError(
                "`history_keys` must hold at least one key, received none. Pass the "
                "items the user acted on, oldest first."
            )
        ids = [self.items.ids.get(key, OOV_ID) for key in history_keys]
        if not any(ids):
            raise UserError(
                "`history_keys` must hold a key that the model knows, received only "
                f"unknown ones: {', '.join(map(repr, history_keys))}. Its keys are "
                f"such as {', '.join(map(repr, self.items.keys[1:4]))}."
            )
        return ids
