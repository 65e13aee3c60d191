"""Several processes that train one model: who they are, as `$TF_CONFIG` says.

TensorFlow's multi-worker convention:
https://www.tensorflow.org/guide/distributed_training#setting_up_tf_config
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
from typing import Any

import keras

from ondevice_rec.schemas.errors import UserError


def count() -> int:
    """Number of processes; 1 without `$TF_CONFIG`.

    Raises:
      UserError: it is no JSON of a cluster.
    """
    cluster = _config().get("cluster", {})
    return max(1, sum(len(cluster.get(job, ())) for job in ("chief", "worker")))


def is_chief() -> bool:
    """Whether this process is the one that writes."""
    config = _config()
    task = config.get("task", {})
    if count() == 1 or task.get("type") == "chief":
        return True
    return "chief" not in config.get("cluster", {}) and int(task.get("index", 0)) == 0


@functools.cache
def strategy() -> Any:
    """The processes' MultiWorkerMirroredStrategy; None where there is one process.

    The first call waits for the others. It must come before anything that TensorFlow
    computes.

    Raises:
      UserError: the backend is not TensorFlow, or it has computed already.
    """
    if count() == 1:
        return None
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            f"$TF_CONFIG names {count()} workers, and Keras runs on "
            f"{keras.backend.backend()}. Set KERAS_BACKEND=tensorflow, or unset it."
        )
    import tensorflow as tf

    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        if "program startup" not in str(error):
            raise
        raise UserError(
            f"$TF_CONFIG names {count()} workers, but this process has used TensorFlow "
            "before it waited for them. Call `workers.strategy()` first of all, see "
            "docs/scaling.md; a pipeline trains in one process: unset TF_CONFIG."
        ) from error


def scope() -> contextlib.AbstractContextManager[Any]:
    """Where variables must be made that the processes share."""
    found = strategy()
    return contextlib.nullcontext() if found is None else found.scope()


def _config() -> dict[str, Any]:
    text = os.environ.get("TF_CONFIG") or "{}"
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UserError(f"$TF_CONFIG must be a JSON object, received {text!r}.")
    return found
