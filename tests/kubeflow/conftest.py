"""A small log whose users walk round the items in order, and its configuration."""

from __future__ import annotations

import importlib.util
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ondevice_rec.pipelines import load_config
from ondevice_rec.pipelines.kubeflow_settings import Settings
from ondevice_rec.schemas import pipeline_config_pb2

IMAGE = "registry.example.org/team/ondevice-rec:1"
ITEMS = 30
CONFIG = """\
pipeline_name: walks
log: {{path: {folder}/log.csv, user: user, item: item, timestamp: time}}
catalogue: {{path: {folder}/items.csv, item: item, title: name}}
input_spec:
  activity_feature_groups:
    - encoder_type: CNN
      features:
        - {{feature_name: context_item, feature_type: STRING, embedding_dim: 16,
           feature_length: 4}}
  label_feature: {{feature_name: label_item, feature_type: STRING, embedding_dim: 16}}
hparams: {{conv_num_filter_ratios: [2], conv_kernel_size: 2, num_predictions: 5}}
training: {{epochs: 6, batch_size: 64, learning_rate: 0.01}}
evaluation: {{top_k: [1, 3]}}
serving: {{push_dir: {folder}/serving}}
"""


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the log, the catalogue, `config.yaml` and, once pushed, `serving`."""
    folder: Path = tmp_path_factory.mktemp("data")
    rng = random.Random(1)
    lines = ["user,item,time"]
    for user in range(120):
        at = rng.randrange(ITEMS)
        lines += [f"u{user},i{(at + s) % ITEMS},{1_000 + s}" for s in range(12)]
    (folder / "log.csv").write_text("\n".join(lines) + "\n")
    names = [f"i{item},Item number {item}" for item in range(ITEMS)]
    (folder / "items.csv").write_text("\n".join(["item,name", *names]) + "\n")
    (folder / "config.yaml").write_text(CONFIG.format(folder=folder))
    return folder


@pytest.fixture(scope="session")
def config(data: Path) -> pipeline_config_pb2.PipelineConfig:
    return load_config.load(str(data / "config.yaml"))


@pytest.fixture(scope="session")
def settings(data: Path) -> Settings:
    """MinIO for the artifacts, a volume for the log and the push folder."""
    return Settings("minio://mlpipeline/walks", IMAGE, volumes={"data": str(data)})


@pytest.fixture(scope="session")
def cluster_class() -> Any:
    """`cluster.Cluster`; pytest's import mode keeps test folders off the path."""
    path = Path(__file__).with_name("cluster.py")
    spec = importlib.util.spec_from_file_location("cluster", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Data classes look their module up.
    sys.modules["cluster"] = module
    spec.loader.exec_module(module)
    return module.Cluster


@pytest.fixture(scope="session")
def kfp_python(project_root: Path) -> Path:
    """Python of the environment that Kubeflow Pipelines' SDK has to itself."""
    made = subprocess.run(
        [project_root / "tools" / "kfp.sh"], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(
            f"no environment for kfp's SDK (tools/kfp.sh): {made.stderr[-500:]}"
        )
    return project_root / ".tools" / "kfp" / "bin" / "python"
