"""The model as a SavedModel and as TFLite."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence

import tensorflow as tf
from google.protobuf import text_format

from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import Feature, InputSpec, ModelHParams
from ondevice_rec.schemas.input_spec_check import context_features, is_embedded

SERVING = "serving_default"
SERVE_BATCH = "serve_batch"
RANK = "rank"

# Line of id 0 in a vocabulary file.
OOV_KEY = "[OOV]"

_ASSETS = "assets.extra"
_SPEC_FILE = "input_spec.pbtxt"
_HPARAMS_FILE = "hparams.json"
_VOCABULARIES = "vocabularies"


@dataclasses.dataclass(frozen=True)
class ModelAssets:
    """What travels with a SavedModel.

    Attributes:
      input_spec: With every `vocab_size` filled in.
      hparams: The model's size.
      vocabularies: Keys by column; index is the id, index 0 is `[OOV]`.
    """

    input_spec: InputSpec
    hparams: ModelHParams
    vocabularies: Mapping[str, Sequence[str]]


def save(
    model: RecommendationModel,
    saved_model_dir: str,
    vocabularies: Mapping[str, Sequence[str]],
) -> None:
    """Writes the SavedModel with its signatures and `assets.extra`.

    Args:
      model: The trained model.
      saved_model_dir: Folder to write.
      vocabularies: Keys by column; index is the id, index 0 is `[OOV]`.
    """
    features = context_features(model.feature_spec)
    rows = {f.feature_name: _input(f, [f.feature_length]) for f in features}
    batches = {f.feature_name: _input(f, [None, f.feature_length]) for f in features}
    label = tf.TensorSpec([None], tf.int32, name="label")

    @tf.function(autograph=False)
    def serve_batch(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        ids, scores = model.recommend(inputs)
        return {"top_prediction_ids": ids, "top_prediction_scores": scores}

    @tf.function(autograph=False)
    def serve(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = serve_batch(**{k: v[tf.newaxis] for k, v in inputs.items()})
        return {name: output[0] for name, output in outputs.items()}

    @tf.function(autograph=False)
    def rank(label: tf.Tensor, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"rank": tf.cast(model.rank(inputs, label), tf.int64)}

    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]
    tf.saved_model.save(
        module,
        saved_model_dir,
        signatures={
            SERVING: serve.get_concrete_function(**rows),
            SERVE_BATCH: serve_batch.get_concrete_function(**batches),
            RANK: rank.get_concrete_function(label=label, **batches),
        },
    )
    _write_assets(
        os.path.join(saved_model_dir, _ASSETS),
        ModelAssets(model.feature_spec, model.hparams, vocabularies),
    )


def load_assets(saved_model_dir: str) -> ModelAssets:
    """Reads what `save` put beside the graph."""
    folder = os.path.join(saved_model_dir, _ASSETS)
    files = tf.io.gfile.glob(os.path.join(folder, _VOCABULARIES, "*.txt"))
    return ModelAssets(
        text_format.Parse(_read(os.path.join(folder, _SPEC_FILE)), InputSpec()),
        ModelHParams(**json.loads(_read(os.path.join(folder, _HPARAMS_FILE)))),
        {
            os.path.basename(file).removesuffix(".txt"): _read(file).split("\n")[:-1]
            for file in files
        },
    )


def convert_to_tflite(saved_model_dir: str) -> bytes:
    """Signature `serving_default` as TFLite, of built-in operations only."""
    converter = tf.lite.TFLiteConverter.from_saved_model(
        saved_model_dir, signature_keys=[SERVING]
    )
    return converter.convert()


def _input(feature: Feature, shape: list[int | None]) -> tf.TensorSpec:
    dtype = tf.int32 if is_embedded(feature) else tf.float32
    return tf.TensorSpec(shape, dtype, name=feature.feature_name)


def _write_assets(folder: str, assets: ModelAssets) -> None:
    vocabularies = os.path.join(folder, _VOCABULARIES)
    tf.io.gfile.makedirs(vocabularies)
    spec = text_format.MessageToString(assets.input_spec, as_utf8=True)
    _write(os.path.join(folder, _SPEC_FILE), spec)
    hparams = dataclasses.asdict(assets.hparams)
    _write(os.path.join(folder, _HPARAMS_FILE), json.dumps(hparams, indent=2) + "\n")
    for column, keys in assets.vocabularies.items():
        text = "".join(f"{key}\n" for key in keys)
        _write(os.path.join(vocabularies, f"{column}.txt"), text)


def _write(path: str, text: str) -> None:
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(text)


def _read(path: str) -> str:
    with tf.io.gfile.GFile(path) as file:
        return file.read()
