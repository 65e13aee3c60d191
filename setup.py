"""Installs ondevice-rec: the top-level folders become `ondevice_rec.<folder>`.

Two lines of dependencies are supported, told apart by the Python version:

  Python 3.10       TFX 1.16, TensorFlow 2.16: any glibc from 2.17 on.
  Python 3.11-3.13  TFX 1.21, TensorFlow 2.21: glibc from 2.39 on.

The installation without extras reads configurations and shows help. `[pipeline]` brings
TFX, without which no model is trained; `[device]` brings LiteRT, which alone runs a
pushed model. Extras can only add, so TFX cannot stand among the plain dependencies if
a device is to do without it.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).resolve().parent
FOLDERS = ["schemas", "recommendation", "components", "pipelines", "lineage"]
# Files that belong to a package beside its modules, in every folder of it.
DATA_FILES = ["*.proto", "*.pyi", "*.pbtxt", "*.yaml", "*.json", "*.html", "py.typed"]
# Those of the pages about runs and models.
DATA_FILES += ["templates/*.j2", "templates/*.css", "templates/*/*.j2"]
# Those of the page of `ondevice-rec demo`; `make web` fetches the runtime.
DATA_FILES += ["*.css", "*.js", "vendor/*"]

LOCKED = "python_version < '3.11'"
CURRENT = "python_version >= '3.11'"

DEPENDENCIES = ["numpy", "protobuf>=3.20.3,<7", "PyYAML", "rich"]

PIPELINE = [
    f"tfx==1.16.0; {LOCKED}",
    # Without the extra `dill`, Beam stops with "ModuleNotFoundError: dill".
    f"apache-beam[gcp,dill]==2.74.*; {LOCKED}",
    # Later ones take 4 s more to import.
    f"google-cloud-aiplatform<1.60; {LOCKED}",
    # Without it TFX hides KubeflowV2DagRunner, and says nothing.
    f"kfp-pipeline-spec==0.2.2; {LOCKED}",
    f"tfx==1.21.*; {CURRENT}",
    f"apache-beam[gcp]>=2.77,<3; {CURRENT}",
    f"kfp-pipeline-spec>=2.14,<3; {CURRENT}",
    "keras>=3.4",
    "pandas",
    "pyarrow",
    # The page about a run, and `ondevice-rec ui`.
    "jinja2",
    "matplotlib",
    "starlette",
    "uvicorn",
    # TensorFlow 2.21 no longer brings it, and has no `tf.summary.scalar` without it.
    "tensorboard",
    # The last with pkg_resources, which tensorflow_hub and tensorboard import.
    "setuptools<81",
    # TFX calls `python -m pip`.
    "pip",
]

# What a notebook's kernel and TFX's InteractiveContext need.
NOTEBOOKS = ["ipykernel", "nbformat"]

EXTRAS = {
    "pipeline": PIPELINE,
    "device": ["ai-edge-litert>=2.0"],
    "notebooks": [*NOTEBOOKS, "jupyterlab"],
    "dev": [
        *NOTEBOOKS,
        "nbclient",
        "hypothesis",
        "import-linter",
        # The other backend the model trains on; on the CPU.
        "jax",
        "mypy",
        # Its classes are what the tests hold OpenLineage events against.
        "openlineage-python",
        "pytest",
        "ruff",
        "types-PyYAML",
        "types-protobuf<7",
    ],
}


def _packages() -> dict[str, str]:
    """Folders by package name, sub-folders with an `__init__.py` included."""
    found = {}
    for folder in FOLDERS:
        for marker in sorted((ROOT / folder).rglob("__init__.py")):
            path = marker.parent.relative_to(ROOT)
            found[".".join(("ondevice_rec", *path.parts))] = str(path)
    return found


PACKAGES = _packages()

setup(
    packages=list(PACKAGES),
    package_dir=PACKAGES,
    package_data={"": DATA_FILES},
    include_package_data=False,
    install_requires=DEPENDENCIES,
    extras_require=EXTRAS,
)
