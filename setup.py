"""Installs ondevice-rec: the top-level folders become `ondevice_rec.<folder>`."""

from setuptools import setup

FOLDERS = ["schemas", "recommendation", "components", "pipelines", "lineage"]


def _packages() -> dict[str, str]:
    """Package name -> folder, sub-folders with an `__init__.py` included."""
    from pathlib import Path

    root = Path(__file__).resolve().parent
    found = {}
    for folder in FOLDERS:
        for marker in sorted((root / folder).rglob("__init__.py")):
            path = marker.parent.relative_to(root)
            found["ondevice_rec." + ".".join(path.parts)] = str(path)
    return found


PACKAGES = _packages()

setup(packages=list(PACKAGES), package_dir=PACKAGES)
