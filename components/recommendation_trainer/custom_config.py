"""What the component hands to `run_fn` and `tuner_fn`, and what they hand back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

INPUT_SPEC = "input_spec"
HPARAMS = "hparams"
TRAINING = "training"
TUNING = "tuning"

# In the ModelRun: what the training did, a `TrainingReport` as JSON.
REPORT_FILE = "training.json"

AnyMessage = TypeVar("AnyMessage", bound=Message)


def of(**messages: Message) -> dict[str, Any]:
    """The messages by their keys.

    As dictionaries, not as JSON text: TFX makes JSON of the whole, and JSON in JSON has
    backslashes, which ML Metadata cannot write to PostgreSQL.
    """
    return {key: json_format.MessageToDict(value) for key, value in messages.items()}


def read(config: Mapping[str, Any], key: str, message: AnyMessage) -> AnyMessage:
    """Fills and returns `message`."""
    return json_format.ParseDict(config[key], message)
