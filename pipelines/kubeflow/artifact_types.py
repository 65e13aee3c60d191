"""Makes our types of artifacts known to TFX's code for Kubeflow."""

from __future__ import annotations

from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.utils import name_utils

from ondevice_rec.components.artifacts import IngestionReport, ItemCatalogue


def register() -> None:
    """Lets TFX find the classes by the names in a compiled pipeline.

    It takes the name of a type that is not its own for the class's import path, which
    it must not be when it compiles.
    """
    for found in (ItemCatalogue, IngestionReport):
        path = name_utils.get_full_name(found)
        compiler_utils.TITLE_TO_CLASS_PATH[found.TYPE_NAME] = path
