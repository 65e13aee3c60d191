"""What a search for settings tries, and how a value is put in its place."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.descriptor import FieldDescriptor

from ondevice_rec.schemas import pipeline_config_pb2, training_check
from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.yaml_to_proto import unknown_name

_INTEGER = FieldDescriptor.CPPTYPE_INT64
_NUMBERS = (_INTEGER, FieldDescriptor.CPPTYPE_DOUBLE)
# Fixed: without the same ones trials could not be compared, or not be repeated.
_NOT_TUNED = ("seed", "num_predictions")


def choices(
    tuning: pipeline_config_pb2.Tuning, training: pipeline_config_pb2.Training
) -> dict[str, list[float]]:
    """The values to try, by setting.

    Args:
      tuning: Names them, or none.
      training: Around whose settings values are chosen where `tuning` names none.
    """
    if tuning.choices:
        return {choice.setting: list(choice.values) for choice in tuning.choices}
    rate = training.learning_rate
    found = {
        "training.learning_rate": [rate / 4, rate / 2, rate, 2 * rate],
        "training.dropout": [0.1, 0.2, 0.3, 0.4, 0.5],
    }
    if training.optimizer == pipeline_config_pb2.ADAM:
        found["training.weight_decay"] = [0.0, 0.01, 0.1]
    return found


def apply(
    values: Mapping[str, float],
    hparams: pipeline_config_pb2.HParams,
    training: pipeline_config_pb2.Training,
) -> None:
    """Puts values into their settings."""
    for setting, value in values.items():
        message, name = _place(setting, hparams, training)
        field = message.DESCRIPTOR.fields_by_name[name]
        whole = field.cpp_type == _INTEGER
        setattr(message, name, int(value) if whole else float(value))


def current(
    setting: str,
    hparams: pipeline_config_pb2.HParams,
    training: pipeline_config_pb2.Training,
) -> float:
    """The value that a setting has."""
    return float(getattr(*_place(setting, hparams, training)))


def validate(
    tuning: pipeline_config_pb2.Tuning,
    hparams: pipeline_config_pb2.HParams,
    training: pipeline_config_pb2.Training,
) -> None:
    """Checks the search.

    Raises:
      UserError: it cannot be made; the message says what to change.
    """
    if not 0 < tuning.minutes < float("inf"):
        raise UserError(
            f"`tuning.minutes` must be > 0, received {tuning.minutes:g}. Say how long "
            "the search may take."
        )
    if tuning.max_trials < 1:
        raise UserError(
            f"`tuning.max_trials` must be >= 1, received {tuning.max_trials}."
        )
    allowed = [
        f"{place}.{field.name}"
        for place, message in (("training", training), ("hparams", hparams))
        for field in message.DESCRIPTOR.fields
        if field.cpp_type in _NUMBERS
        # Of one that is repeated it is a list.
        and isinstance(field.default_value, (int, float))
        and field.name not in _NOT_TUNED
    ]
    named = [choice.setting for choice in tuning.choices]
    for choice in tuning.choices:
        if choice.setting not in allowed:
            raise UserError(
                f"`tuning.choices` names {choice.setting!r}. "
                + unknown_name(choice.setting, allowed)
            )
        if named.count(choice.setting) > 1:
            raise UserError(f"`tuning.choices` names {choice.setting!r} twice.")
        if not choice.values:
            raise UserError(
                f"`tuning.choices` gives no `values` for {choice.setting!r}."
            )
        _check_values(choice, training)


def _check_values(
    choice: pipeline_config_pb2.Choice, training: pipeline_config_pb2.Training
) -> None:
    for value in choice.values:
        changed = pipeline_config_pb2.Training()
        changed.CopyFrom(training)
        hparams = pipeline_config_pb2.HParams()
        message, name = _place(choice.setting, hparams, changed)
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.cpp_type == _INTEGER and value != int(value):
            raise UserError(
                f"`tuning.choices`: {choice.setting!r} must be whole numbers, received "
                f"{value:g}."
            )
        apply({choice.setting: value}, hparams, changed)
        try:
            training_check.validate(changed)
        except UserError as error:
            raise UserError(f"`tuning.choices`: {error}") from None


def _place(
    setting: str,
    hparams: pipeline_config_pb2.HParams,
    training: pipeline_config_pb2.Training,
) -> tuple[pipeline_config_pb2.HParams | pipeline_config_pb2.Training, str]:
    """The message that holds a setting, and its name there."""
    place, _, name = setting.partition(".")
    return hparams if place == "hparams" else training, name
