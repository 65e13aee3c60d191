"""RecommendationTrainer: a model from transformed timelines."""

from __future__ import annotations

from tfx import types
from tfx.components.trainer.component import Trainer
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.proto import trainer_pb2

from ondevice_rec.components.recommendation_trainer import custom_config
from ondevice_rec.components.recommendation_trainer.executor import Executor
from ondevice_rec.schemas import (
    input_spec_check,
    input_spec_pb2,
    pipeline_config_pb2,
    timeline,
    training_check,
)

_RUN_FN = "ondevice_rec.components.recommendation_trainer.run_fn.run_fn"


class RecommendationTrainer(Trainer):
    """TFX's Trainer with the recommendation library as its `run_fn`.

    Trains on the split train, keeps the weights with the best recall@10 on the split
    validation. Outputs: `model` (Model; a SavedModel, see "Model artifact" in
    `docs/architecture.md`) and `model_run` (ModelRun; TensorBoard's logs and
    `training.json`).
    """

    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        input_spec: input_spec_pb2.InputSpec,
        hparams: pipeline_config_pb2.HParams | None = None,
        training: pipeline_config_pb2.Training | None = None,
        hyperparameters: types.BaseChannel | None = None,
        base_model: types.BaseChannel | None = None,
    ) -> None:
        """Creates the component.

        Args:
          examples: Transformed timelines with the splits train and validation.
          transform_graph: SequenceTransform's, which holds the vocabularies.
          input_spec: What the model reads and predicts. The vocabularies decide
            `vocab_size`.
          hparams: The model's size; left out: the defaults.
          training: Optimizer, batch size, epochs; left out: the defaults.
          hyperparameters: `settings_tuner`'s, which are put in the place of the above.
          base_model: The model to start from where `training.warm_start` asks for it;
            it may be empty, or of another vocabulary. The vocabularies of
            `transform_graph` should have kept its ids, so that apps see them stay.

        Raises:
          ValueError: they do not make a model; the message says what to change.
        """
        hparams = hparams or pipeline_config_pb2.HParams()
        training = training or pipeline_config_pb2.Training()
        input_spec_check.validate(input_spec, hparams)
        training_check.validate(training)
        super().__init__(
            examples=examples,
            transform_graph=transform_graph,
            run_fn=_RUN_FN,
            train_args=trainer_pb2.TrainArgs(splits=[timeline.TRAIN]),
            eval_args=trainer_pb2.EvalArgs(splits=[timeline.VALIDATION]),
            hyperparameters=hyperparameters,
            base_model=base_model,
            custom_config=custom_config.of(
                input_spec=input_spec, hparams=hparams, training=training
            ),
        )
