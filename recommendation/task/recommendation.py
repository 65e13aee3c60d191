"""Model Maker's `Recommendation` task: train, measure, export."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Sequence
from typing import Any

import keras

from ondevice_rec.recommendation.config import ExportFormat, QuantizationConfig
from ondevice_rec.recommendation.data import data_check
from ondevice_rec.recommendation.data.example_loader import ExampleLoader
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.model_spec import ModelSpec
from ondevice_rec.recommendation.recommender import RecommendedItem, Recommender
from ondevice_rec.recommendation.spec import InputSpec, ModelHParams
from ondevice_rec.recommendation.task import (
    checkpoints,
    exporting,
    fitting,
    tflite_recall,
)
from ondevice_rec.recommendation.task.fitting import Evaluator, TrainingSettings
from ondevice_rec.schemas import timeline
from ondevice_rec.schemas.errors import UserError

logger = logging.getLogger("ondevice_rec.task")


class Recommendation:
    """A recommendation model and what is done with it.

    Attributes:
      model_spec: What the model reads, and its size.
      model: The Keras model, None until `create_model` or `train`.
      shuffle: Whether training examples are shuffled.
    """

    DEFAULT_EXPORT_FORMAT = (ExportFormat.TFLITE,)
    ALLOWED_EXPORT_FORMAT = (
        ExportFormat.LABEL,
        ExportFormat.TFLITE,
        ExportFormat.SAVED_MODEL,
    )

    # Id of padding and of items outside the vocabulary.
    OOV_ID = timeline.OOV_ID

    def __init__(
        self,
        model_spec: ModelSpec,
        model_dir: str,
        shuffle: bool = True,
        learning_rate: float = 0.1,
        gradient_clip_norm: float = 1.0,
        *,
        optimizer: str = "adagrad",
        loss: str = "global_softmax",
        seed: int | None = None,
    ) -> None:
        """Prepares a task; `create` also trains.

        Args:
          model_spec: What the model reads, and its size.
          model_dir: Folder for checkpoints (`ckpt-STEP.weights.h5`, one per epoch) and
            TensorBoard (`summaries/`).
          shuffle: Whether training examples are shuffled.
          learning_rate: Of the optimizer.
          gradient_clip_norm: Norm to which each weight's gradient is clipped; <= 0: no
            clipping.
          optimizer: "adagrad" as in Model Maker, or "adam".
          loss: "global_softmax" as in Model Maker, "batch_softmax", "sampled_softmax"
            or "gbce".
          seed: Makes trainings repeatable: sets Keras's and numpy's global seeds
            whenever a model is created. None: they are left alone.

        Raises:
          UserError: an argument is of the wrong type or out of range.
        """
        if not isinstance(model_spec, ModelSpec):
            raise UserError(
                "`model_spec` must be a `recommendation.ModelSpec`, received "
                f"{model_spec!r}. Make one with `model_spec.get('recommendation', "
                "input_spec=..., model_hparams=...)`."
            )
        self.model_spec = model_spec
        self.shuffle = shuffle
        self.model: RecommendationModel | None = None
        self._model_dir = os.fspath(model_dir)
        self._settings = TrainingSettings(
            learning_rate, gradient_clip_norm, optimizer, loss, seed
        )
        self._data: ExampleLoader | None = None
        self._evaluator: Evaluator | None = None

    @classmethod
    def create(
        cls,
        train_data: ExampleLoader,
        model_spec: ModelSpec,
        model_dir: str | None = None,
        validation_data: ExampleLoader | None = None,
        batch_size: int = 16,
        steps_per_epoch: int = 10000,
        epochs: int = 1,
        learning_rate: float = 0.1,
        gradient_clip_norm: float = 1.0,
        shuffle: bool = True,
        do_train: bool = True,
        *,
        optimizer: str = "adagrad",
        loss: str = "global_softmax",
        seed: int | None = None,
    ) -> Recommendation:
        """Makes a model and trains it.

        Args:
          train_data: To learn from.
          model_spec: What the model reads, and its size.
          model_dir: See the constructor; None: a new temporary folder.
          validation_data: Measured after every epoch; None: nothing is.
          batch_size: Examples per step.
          steps_per_epoch: Steps in an epoch; the data are repeated as needed.
          epochs: Number of epochs.
          learning_rate: See the constructor.
          gradient_clip_norm: See the constructor.
          shuffle: See the constructor.
          do_train: False: the model keeps its initial weights.
          optimizer: See the constructor.
          loss: See the constructor.
          seed: See the constructor.

        Returns:
          The task, with a model.

        Raises:
          UserError: the spec, the data or a setting cannot be used.
        """
        task = cls(
            model_spec,
            tempfile.mkdtemp() if model_dir is None else model_dir,
            shuffle,
            learning_rate,
            gradient_clip_norm,
            optimizer=optimizer,
            loss=loss,
            seed=seed,
        )
        if do_train:
            task.train(train_data, validation_data, batch_size, steps_per_epoch, epochs)
        else:
            task.create_model(do_train=False)
            data_check.check("train_data", train_data, task.input_spec)
            task._data = train_data
        return task

    @property
    def input_spec(self) -> InputSpec:
        """What the model reads and predicts."""
        return self.model_spec.input_spec

    @property
    def model_hparams(self) -> ModelHParams:
        """The model's size."""
        return self.model_spec.model_hparams

    def create_model(self, do_train: bool = True) -> None:
        """Makes `model`, with new weights.

        Args:
          do_train: Whether it is going to be trained: then a seed is set first, so
            that the training is repeatable.

        Raises:
          UserError: the spec does not make a model.
        """
        if do_train and self._settings.seed is not None:
            keras.utils.set_random_seed(self._settings.seed)
        self.model = self.model_spec.create_model()
        self._evaluator = None

    def train(
        self,
        train_data: ExampleLoader,
        validation_data: ExampleLoader | None = None,
        batch_size: int = 16,
        steps_per_epoch: int = 100,
        epochs: int = 1,
    ) -> keras.callbacks.History:
        """Trains a new model.

        Args:
          train_data: To learn from.
          validation_data: Measured after every epoch; None: nothing is.
          batch_size: Examples per step.
          steps_per_epoch: Steps in an epoch; the data are repeated as needed.
          epochs: Number of epochs.

        Returns:
          Keras's History: `loss`, `Global_Recall/Recall_K`, `global_mean_rank`,
          `Batch_Recall/Recall_K`, `batch_mean_rank`, and the same with `val_`.

        Raises:
          UserError: before anything is trained, where the spec, the data, the folder
            or a setting cannot be used; later, where the loss is no number.
        """
        for name, value in (
            ("batch_size", batch_size),
            ("steps_per_epoch", steps_per_epoch),
            ("epochs", epochs),
        ):
            if value < 1:
                raise UserError(f"`{name}` must be >= 1, received {value}.")
        self.create_model(do_train=True)
        assert self.model is not None
        data_check.check("train_data", train_data, self.input_spec)
        train_data.keys_for(self.input_spec)
        if validation_data is not None:
            data_check.check("validation_data", validation_data, self.input_spec)
        export.check_writable(self._model_dir)
        self._data = train_data
        history = fitting.fit(
            self.model,
            train_data,
            validation_data,
            self._measure_with(self.model),
            batch_size=batch_size,
            steps_per_epoch=steps_per_epoch,
            epochs=epochs,
            shuffle=self.shuffle,
            settings=self._settings,
            callbacks=[
                keras.callbacks.TensorBoard(
                    os.path.join(self._model_dir, "summaries"), write_graph=False
                ),
                checkpoints.Checkpoints(self.model, self._model_dir),
            ],
        )
        logger.info("trained: %s", history.history)
        return history

    def load_checkpoint(self, path: str | None = None) -> str:
        """Gives the model the weights of a checkpoint, making it where there is none.

        Args:
          path: A `ckpt-STEP.weights.h5`; None: the newest in `model_dir`.

        Returns:
          The file read.

        Raises:
          UserError: there is none, or it belongs to another model.
        """
        path = path or checkpoints.latest(self._model_dir)
        if path is None:
            raise UserError(f"No checkpoint in {self._model_dir}. Train first.")
        if self.model is None:
            self.create_model(do_train=False)
        assert self.model is not None
        try:
            self.model.load_weights(path)
        except (ValueError, OSError) as error:
            raise UserError(
                f"{path} cannot be loaded into this model: {error}"
            ) from error
        return path

    def evaluate(self, data: ExampleLoader, batch_size: int = 10) -> list[float]:
        """Measures the model on every example.

        Args:
          data: To measure on.
          batch_size: Examples per step; the metrics called `Batch_` depend on it.

        Returns:
          Loss, `Global_Recall/Recall_K` for the k's of `eval_top_k`, the global mean
          rank, `Batch_Recall/Recall_K`, the batch mean rank.

        Raises:
          UserError: there is no model, or the data cannot be used.
        """
        model = self._made_model()
        data_check.check("data", data, self.input_spec)
        measured = self._measure_with(model).measure(data, batch_size)
        logger.info("evaluated: %s", measured)
        return list(measured.values())

    def evaluate_tflite(
        self, tflite_filepath: str, data: ExampleLoader
    ) -> dict[str, float]:
        """Measures an exported model, example by example.

        Args:
          tflite_filepath: What `export` wrote.
          data: To measure on.

        Returns:
          By `Global_Recall/Recall_K`, for the k's of `eval_top_k`, the share of the
          examples whose label is among the first k recommended items. A label that is
          not recommended is a miss, also for a k above `num_predictions`.

        Raises:
          UserError: the file or the data cannot be used.
        """
        data_check.check("data", data, self.input_spec)
        return tflite_recall.measure(
            tflite_filepath, data, self.input_spec, self.model_hparams.eval_top_k
        )

    def export(
        self,
        export_dir: str,
        tflite_filename: str = "model.tflite",
        label_filename: str = "labels.txt",
        vocab_filename: str = "vocab.txt",
        saved_model_filename: str = "saved_model",
        tfjs_folder_name: str = "tfjs",
        export_format: ExportFormat | str | Sequence[ExportFormat | str] | None = None,
        *,
        quantization_config: QuantizationConfig | None = None,
        **kwargs: Any,
    ) -> None:
        """Writes the model.

        Args:
          export_dir: Folder to write, made where it is missing.
          tflite_filename: The TFLite model, its vocabularies and titles inside.
          label_filename: Titles of the items, line i (from 0) is that of id i.
          vocab_filename: Not used: recommendation has no such format.
          saved_model_filename: Folder of the SavedModel.
          tfjs_folder_name: Not used: recommendation has no such format.
          export_format: One or several of `ALLOWED_EXPORT_FORMAT`; None:
            `DEFAULT_EXPORT_FORMAT`.
          quantization_config: Makes the TFLite model smaller.
          **kwargs: Others are passed over, with a warning.

        Raises:
          UserError: there is no model, a format is not allowed, or the folder cannot
            be written to.
        """
        formats = exporting.formats(
            export_format, self.ALLOWED_EXPORT_FORMAT, self.DEFAULT_EXPORT_FORMAT
        )
        model = self._made_model()
        if kwargs:
            logger.warning("Encountered unknown parameters: %s", kwargs)
        export.check_writable(export_dir)
        data = self._known_data()
        keys, titles = data.keys_for(self.input_spec), data.titles
        if ExportFormat.TFLITE in formats or ExportFormat.SAVED_MODEL in formats:
            with tempfile.TemporaryDirectory() as temporary:
                folder = temporary
                if ExportFormat.SAVED_MODEL in formats:
                    folder = os.path.join(export_dir, saved_model_filename)
                export.save(model, folder, keys, titles)
                if ExportFormat.TFLITE in formats:
                    content = export.convert_to_tflite(folder, quantization_config)
                    exporting.write(os.path.join(export_dir, tflite_filename), content)
        if ExportFormat.LABEL in formats:
            assets = export.ModelAssets(self.input_spec, model.hparams, keys, titles)
            exporting.write(
                os.path.join(export_dir, label_filename),
                exporting.labels(assets.items.titles),
            )

    def create_serving_model(self) -> RecommendationModel:
        """The Keras model that is exported."""
        return self._made_model()

    def summary(self) -> None:
        """Prints the model's layers and weights."""
        self._made_model().summary()

    def recommend(
        self,
        history_keys: Sequence[str],
        top_n: int | None = None,
        exclude_seen: bool = False,
    ) -> list[RecommendedItem]:
        """Recommends what may come after a history, see `Recommender.recommend`."""
        model = self._made_model()
        data = self._known_data()
        recommender = Recommender.from_keras(
            model, data.keys_for(self.input_spec), data.titles
        )
        return recommender.recommend(history_keys, top_n, exclude_seen)

    def _made_model(self) -> RecommendationModel:
        if self.model is None:
            raise UserError("There is no model yet. Call `train` or `create_model`.")
        return self.model

    def _measure_with(self, model: RecommendationModel) -> Evaluator:
        if self._evaluator is None:
            self._evaluator = Evaluator(model)
        return self._evaluator

    def _known_data(self) -> ExampleLoader:
        if self._data is None:
            raise UserError(
                "The model's ids mean nothing without a vocabulary. Make the task with "
                "`recommendation.create`, with `do_train=False` where its weights are "
                "loaded."
            )
        return self._data


create = Recommendation.create
