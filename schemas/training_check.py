"""Whether the settings of a training are in range, without TensorFlow."""

from __future__ import annotations

import math

from ondevice_rec.schemas import pipeline_config_pb2
from ondevice_rec.schemas.errors import UserError


def validate(training: pipeline_config_pb2.Training) -> None:
    """Checks the settings.

    Raises:
      UserError: one is out of range.
    """
    for field, least in (
        ("epochs", 1),
        ("batch_size", 1),
        ("early_stopping_patience", 1),
        ("num_sampled", 1),
        ("warm_start_epochs", 1),
    ):
        if field == "warm_start_epochs" and not training.HasField(field):
            continue
        if getattr(training, field) < least:
            raise UserError(
                f"`{field}` must be >= {least}, received {getattr(training, field)}. "
                "Set it in `training`."
            )
    if training.HasField("warm_start_epochs") and not training.warm_start:
        raise UserError(
            "`warm_start_epochs` has no effect without `warm_start`. Set it to "
            "LATEST_BLESSED, or remove `warm_start_epochs` from `training`."
        )
    if not 0 < training.learning_rate < math.inf:
        raise UserError(
            f"`learning_rate` must be > 0, received {training.learning_rate}. Set it "
            "in `training`."
        )
    if not 0 <= training.gradient_clip_norm < math.inf:
        raise UserError(
            "`gradient_clip_norm` must be >= 0 (0: no clipping), received "
            f"{training.gradient_clip_norm}. Set it in `training`."
        )
    if not 0 <= training.warmup_fraction < 1:
        raise UserError(
            "`warmup_fraction` must be >= 0 and < 1, received "
            f"{training.warmup_fraction}. Set it in `training`."
        )
    if not 0 <= training.weight_decay < math.inf:
        raise UserError(
            f"`weight_decay` must be >= 0, received {training.weight_decay}. Set it in "
            "`training`."
        )
    if training.weight_decay and training.optimizer != pipeline_config_pb2.ADAM:
        optimizer = pipeline_config_pb2.Optimizer.Name(training.optimizer)
        raise UserError(
            f"`weight_decay` is for the optimizer ADAM, received {optimizer}. Remove "
            "one of them from `training`."
        )
    if not 0 <= training.dropout < 1:
        raise UserError(
            f"`dropout` must be >= 0 and < 1, received {training.dropout}. Set it in "
            "`training`."
        )
    if not 0 <= training.gbce_calibration <= 1:
        raise UserError(
            "`gbce_calibration` must be from 0 to 1, received "
            f"{training.gbce_calibration}. Set it in `training`."
        )
    if not 0 <= training.seed < 2**32:
        raise UserError(
            f"`seed` must be >= 0 and < 2**32, received {training.seed}. Set it in "
            "`training`."
        )
