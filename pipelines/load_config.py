"""What commands check before they load TFX for a configuration."""

from __future__ import annotations

import importlib.util

from ondevice_rec.schemas import config, pipeline_config_pb2
from ondevice_rec.schemas.errors import UserError


def load(path: str) -> pipeline_config_pb2.PipelineConfig:
    """Reads a configuration and checks all of it that can be without TFX.

    Args:
      path: The YAML file.

    Raises:
      UserError: It cannot be used.
    """
    from ondevice_rec.components.topk_evaluator import config_check

    found = config.load(path)
    try:
        config_check.check(
            found.evaluation, found.input_spec, found.hparams.num_predictions
        )
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    return found


def require_tfx(command: str) -> None:
    """Raises a UserError where TFX is not installed, which `command` needs."""
    if importlib.util.find_spec("tfx") is None:
        raise UserError(
            f"`{command}` needs TFX, which is not installed. "
            'Install it: pip install "ondevice-rec[pipeline]".'
        )
