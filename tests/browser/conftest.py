"""A served version and the page that recommends by it."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest
from google.protobuf import text_format

from ondevice_rec.pipelines import browser_demo
from ondevice_rec.recommendation.config import QuantizationConfig
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.export.assets import ModelAssets
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.ondevice.interpreter import Interpreter
from ondevice_rec.recommendation.ondevice.publish import publish
from ondevice_rec.recommendation.spec import InputSpec, ModelHParams

INPUT_SPEC = """
    activity_feature_groups {
      features { feature_name: "context_item" feature_type: STRING vocab_size: 500
                 embedding_dim: 32 feature_length: 10 }
      encoder_type: ENCODER }
    activity_feature_groups {
      features { feature_name: "context_rating" feature_type: FLOAT
                 feature_length: 4 } }
    label_feature { feature_name: "label_item" feature_type: STRING vocab_size: 500
                    embedding_dim: 32 }
"""
KEYS = ["[OOV]", *(f"m{id_}" for id_ in range(1, 500))]


# LSTM: a loop, which LiteRT's web runtime takes from built-in operations only.
@pytest.fixture(
    scope="session",
    params=["TRANSFORMER", pytest.param("LSTM", marks=pytest.mark.integration)],
)
def serving_dir(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A version of a model with random weights, in two variants."""
    keras.utils.set_random_seed(4)
    folder = tmp_path_factory.mktemp("browser")
    spec = text_format.Parse(INPUT_SPEC.replace("ENCODER", request.param), InputSpec())
    hparams = ModelHParams([32], [10], [1], 2, 4, num_predictions=10)
    saved = str(folder / "saved")
    export.save(RecommendationModel(spec, hparams), saved, {"item": KEYS})
    loaded = export.load_assets(saved)
    titles = {key: f"The {key} film, été" for key in KEYS[1:490]}
    popular = {f"m{id_}": 1000 - id_ for id_ in range(30, 50)}
    assets = ModelAssets(
        loaded.input_spec, loaded.hparams, {"item": KEYS}, titles, popular
    )
    exact = export.convert_to_tflite(saved, assets=assets)
    small = export.convert_to_tflite(saved, QuantizationConfig.for_dynamic(), assets)

    def write(version: Path) -> None:
        (version / "model.tflite").write_bytes(exact)
        (version / "model_int8_weights.tflite").write_bytes(small)
        for name, text in assets.files().items():
            (version / name).write_text(text, encoding="utf-8", newline="\n")

    facts = {
        "vocab_size": 500,
        "num_predictions": 10,
        "item_column": "item",
        "inputs": [
            {
                "name": name,
                "shape": list(shape),
                "dtype": dtype.name,
                "column": name.removeprefix("context_"),
            }
            for name, (shape, dtype) in Interpreter(exact).inputs.items()
        ],
    }
    publish(folder / "serving", write, facts)
    return folder / "serving"


@pytest.fixture
def address(serving_dir: Path) -> Iterator[str]:
    """Where the page is served."""
    if not (Path(browser_demo.__file__).parent / "web" / "vendor").is_dir():
        pytest.skip("LiteRT's web runtime is not there: make web")
    server = browser_demo.create_server(str(serving_dir), 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()
    thread.join()


def _chromium_class() -> Any:
    # Tests are no package: what stands beside them is loaded by its path.
    spec = importlib.util.spec_from_file_location(
        "chromium", Path(__file__).with_name("chromium.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["chromium"] = module
    spec.loader.exec_module(module)
    return module.Chromium


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    """A headless Chromium."""
    chromium = _chromium_class()(tmp_path / "profile")
    yield chromium
    chromium.close()
