"""ServedModel: the model of the version that is served, out of the push folder.

In the place of a Resolver where an orchestrator has none: what is served is the latest
blessed model that was pushed, unless somebody rolled back.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from tfx import types
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import io_utils, path_utils

from ondevice_rec.components import provenance
from ondevice_rec.components.tflite_pusher import destination, remote_versions
from ondevice_rec.components.tflite_pusher.remote_folder import is_remote, open_folder
from ondevice_rec.recommendation.ondevice import version_folder
from ondevice_rec.recommendation.ondevice.version_folder import (
    SAVED_MODEL,
    VersionFolder,
)
from ondevice_rec.schemas import facts

PUSH_DIR = "push_dir"
MODEL = "model"


class ServedModelSpec(ComponentSpec):
    """Channels and parameters of `ServedModel`."""

    PARAMETERS: ClassVar = {PUSH_DIR: ExecutionParameter(type=str)}
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {}
    OUTPUTS: ClassVar = {MODEL: ChannelParameter(type=standard_artifacts.Model)}


class Executor(BaseExecutor):
    """Executor of `ServedModel`."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Copies the served SavedModel.

        Args:
          input_dict: Nothing.
          output_dict: `model`; without files, and marked so, where nothing is served.
          exec_properties: `push_dir`.

        Raises:
          UserError: the folder cannot be read, or a file is not what was pushed.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        model = artifact_utils.get_single_instance(output_dict[MODEL])
        with tempfile.TemporaryDirectory() as work:
            served = copy_served(exec_properties[PUSH_DIR], Path(work, "served"))
            if served is None:
                fileio.makedirs(model.uri)
                model.set_int_custom_property(facts.ABSENT, 1)
            else:
                io_utils.copy_dir(
                    str(served.path / SAVED_MODEL),
                    path_utils.serving_model_dir(model.uri),
                )
                model.set_string_custom_property(
                    facts.PUSHED_VERSION, str(served.version)
                )
        provenance.record(output_dict)


def copy_served(push_dir: str, copy: Path) -> VersionFolder | None:
    """Copies manifest and SavedModel of the served version; None where there is none.

    Args:
      push_dir: Folder of the versions, local or remote.
      copy: Folder to make.

    Raises:
      UserError: the folder cannot be read, or a file is not what was pushed.
    """
    if is_remote(push_dir):
        found = remote_versions.fetch_served(
            open_folder(push_dir), copy, lambda file: file.startswith(f"{SAVED_MODEL}/")
        )
    elif version_folder.versions(Path(push_dir)):
        found = version_folder.read_version(
            push_dir, lambda version: _copy(version, copy)
        )
    else:
        found = None
    if found is not None:
        found.check_files(f"{SAVED_MODEL}/")
    return found


def _copy(version: VersionFolder, copy: Path) -> VersionFolder:
    # Again, where a push has removed the version in the middle.
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(version.path / SAVED_MODEL, copy / SAVED_MODEL)
    shutil.copy(version.path / version_folder.MANIFEST, copy)
    return VersionFolder(copy, version.manifest)


class ServedModel(BaseComponent):
    """Gives the model that is served.

    Must not be cached: what it finds does not depend on its parameters alone.

    Output: `model` (Model).
    """

    SPEC_CLASS = ServedModelSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(self, push_dir: str) -> None:
        """Creates the component.

        Args:
          push_dir: Folder that TFLitePusher pushes to.

        Raises:
          ValueError: `push_dir` is not possible.
        """
        destination.check(push_dir)
        super().__init__(
            ServedModelSpec(
                push_dir=push_dir, model=types.Channel(type=standard_artifacts.Model)
            )
        )
