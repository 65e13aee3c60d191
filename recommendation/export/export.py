"""The model as a SavedModel and as TFLite."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from ondevice_rec.recommendation.config import QuantizationConfig
from ondevice_rec.recommendation.export.assets import VOCABULARIES, ModelAssets
from ondevice_rec.recommendation.export.signatures import (
    ALL_SCORES,
    IDS,
    SCORE,
    SCORES,
    SERVING,
    SERVING_BATCH,
)
from ondevice_rec.recommendation.export.tflite_file import finish
from ondevice_rec.recommendation.export.tflite_layers import tflite_layers
from ondevice_rec.recommendation.export.top_k_shape import settle_top_k
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import Feature
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.input_spec_check import context_features, is_embedded

_ASSETS = "assets.extra"


def save(
    model: RecommendationModel,
    saved_model_dir: str,
    vocabularies: Mapping[str, Sequence[str]],
    titles: Mapping[str, str] | None = None,
) -> None:
    """Writes the SavedModel with its signatures and `assets.extra`.

    Args:
      model: The trained model, on Keras's TensorFlow backend.
      saved_model_dir: Folder to write.
      vocabularies: Keys by column; index is the id, index 0 is `[OOV]`.
      titles: What to show for items, by key; an item without one shows as its key.

    Raises:
      UserError: Keras runs on another backend, the folder cannot be written, or the
        vocabularies do not suit the model, see `ModelAssets`.
    """
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            "Exporting takes Keras on TensorFlow, received the backend "
            f"{keras.backend.backend()!r}. Save the weights (`model.save_weights`), "
            "load them with KERAS_BACKEND=tensorflow, and export there."
        )
    assets = ModelAssets(model.feature_spec, model.hparams, vocabularies, titles or {})
    check_writable(saved_model_dir)
    features = context_features(model.feature_spec)
    rows = {f.feature_name: _input(f, [f.feature_length]) for f in features}
    batches = {f.feature_name: _input(f, [None, f.feature_length]) for f in features}

    @tf.function(autograph=False)
    def serve_batch(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        ids, scores = model.recommend(inputs)
        return {IDS: ids, SCORES: scores}

    @tf.function(autograph=False)
    def serve(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        # With the batch's axis taken off at once there is less to do on the device.
        batch = {name: tf.reshape(v, [1, v.shape[0]]) for name, v in inputs.items()}
        scores = model.item_scores(batch)
        ids, scores = model.best(tf.reshape(scores, [scores.shape[1]]))
        return {IDS: ids, SCORES: scores}

    @tf.function(autograph=False)
    def score(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {ALL_SCORES: model.scores(inputs)}

    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]
    with tflite_layers(model):
        signatures = {
            SERVING: serve.get_concrete_function(**rows),
            SERVING_BATCH: serve_batch.get_concrete_function(**batches),
            SCORE: score.get_concrete_function(**batches),
        }
    tf.saved_model.save(module, saved_model_dir, signatures=signatures)
    write_assets(saved_model_dir, assets)


def write_assets(saved_model_dir: str, assets: ModelAssets) -> None:
    """Writes what travels with a SavedModel, over what is there."""
    folder = os.path.join(saved_model_dir, _ASSETS)
    for name, text in assets.files().items():
        path = os.path.join(folder, name)
        tf.io.gfile.makedirs(os.path.dirname(path))
        with tf.io.gfile.GFile(path, "w") as file:
            file.write(text)


def load_assets(saved_model_dir: str) -> ModelAssets:
    """Reads what `save` put beside the graph.

    Raises:
      UserError: nothing is there: the folder is no SavedModel of this library.
    """
    folder = os.path.join(saved_model_dir, _ASSETS)
    files = {}
    for prefix in ("", VOCABULARIES):
        for path in tf.io.gfile.glob(os.path.join(folder, prefix, "*.*")):
            with tf.io.gfile.GFile(path) as file:
                files[prefix + os.path.basename(path)] = file.read()
    return ModelAssets.from_files(files, folder)


def convert_to_tflite(
    saved_model_dir: str,
    quantization: QuantizationConfig | None = None,
    assets: ModelAssets | None = None,
    version: str = "",
) -> bytes:
    """The `.tflite` file: built-in operations only, vocabularies and titles inside.

    It has the signatures `SERVING`, the first, and `SERVING_BATCH`, which share their
    weights; with `quantization.representative_data` only `SERVING`.

    Args:
      saved_model_dir: What `save` wrote.
      quantization: How weights and operations are made smaller; None keeps float32.
      assets: What to put inside in place of the SavedModel's own.
      version: The model's version, for the file's metadata.

    Returns:
      Content of the file.

    Raises:
      UserError: the model cannot be quantized so, or the SavedModel has no vocabulary.
    """
    assets = assets or load_assets(saved_model_dir)
    signatures = [SERVING, SERVING_BATCH]
    if quantization is not None and quantization.representative_data is not None:
        _check_calibration(saved_model_dir)
        # Each would be calibrated by itself, and recommend something else.
        signatures = [SERVING]
    converter = tf.lite.TFLiteConverter.from_saved_model(
        saved_model_dir, signature_keys=signatures
    )
    if quantization is None:
        return finish(settle_top_k(converter.convert()), assets, version)
    quantization.get_converter_with_quantization(converter)
    try:
        model = converter.convert()
    except UserError:
        raise
    # The converter's own errors are of a class without a public name.
    except Exception as error:
        raise UserError(
            f"The model cannot be quantized by {quantization}: {error}\nTry "
            "`QuantizationConfig.for_dynamic()` or `for_float16()`."
        ) from error
    return finish(settle_top_k(model), assets, version)


def _check_calibration(saved_model_dir: str) -> None:
    """Refuses loops: calibrating one ends the process (TensorFlow 2.16)."""
    serve = tf.saved_model.load(saved_model_dir).signatures[SERVING]
    for function in serve.graph.as_graph_def().library.function:
        if any(node.op in ("While", "StatelessWhile") for node in function.node_def):
            raise UserError(
                "A model with the operation While, a loop over the context as LSTM and "
                "GRU have, cannot be calibrated by `representative_data`. Use "
                "`QuantizationConfig.for_dynamic()`, or another encoder."
            )


def check_writable(folder: str) -> None:
    """Makes sure that files can be written to a folder, which is made.

    Raises:
      UserError: they cannot.
    """
    probe = os.path.join(folder, ".writable")
    try:
        tf.io.gfile.makedirs(folder)
        with tf.io.gfile.GFile(probe, "w") as file:
            file.write("")
        tf.io.gfile.remove(probe)
    except (tf.errors.OpError, OSError) as error:
        raise UserError(
            f"{folder} cannot be written to: {error}. Choose another folder, or let "
            "this user write there."
        ) from error


def _input(feature: Feature, shape: list[int | None]) -> tf.TensorSpec:
    dtype = tf.int32 if is_embedded(feature) else tf.float32
    return tf.TensorSpec(shape, dtype, name=feature.feature_name)
