"""Configurations that were chosen by measuring: all of one but the log.

A preset is a YAML file with every key of `PipelineConfig` that does not depend on where
the data are. `ondevice-rec init LOG --preset NAME` puts a log before it. How each was
chosen stands in its first lines.
"""

from __future__ import annotations

from importlib import resources

from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.yaml_to_proto import unknown_name

DEFAULT = "default"
_SUFFIX = ".yaml"


def names() -> list[str]:
    """The presets, `DEFAULT` first."""
    found = sorted(
        file.name.removesuffix(_SUFFIX)
        for file in resources.files(__name__).iterdir()
        if file.name.endswith(_SUFFIX)
    )
    return sorted(found, key=lambda name: name != DEFAULT)


def text(name: str) -> str:
    """The YAML of a preset.

    Raises:
      UserError: there is none of that name.
    """
    if name not in names():
        raise UserError(f"There is no preset {name!r}. {unknown_name(name, names())}")
    return (resources.files(__name__) / f"{name}{_SUFFIX}").read_text(encoding="utf-8")
