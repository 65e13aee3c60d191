"""Exports, verifies and publishes a blessed model."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.util import model_utils
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils, proto_utils

from ondevice_rec.components import provenance
from ondevice_rec.components.tflite_pusher import lineage_ids, titles, verification
from ondevice_rec.components.tflite_pusher.verification import Verification
from ondevice_rec.components.topk_evaluator.slices import OVERALL
from ondevice_rec.components.topk_evaluator.statistics import METRICS_FILE
from ondevice_rec.recommendation import export
from ondevice_rec.recommendation.assets import ModelAssets
from ondevice_rec.recommendation.ondevice import publish, version_folder
from ondevice_rec.recommendation.ondevice.interpreter import Interpreter
from ondevice_rec.recommendation.ondevice.version_folder import VersionFolder
from ondevice_rec.recommendation.signatures import IDS, SCORES
from ondevice_rec.recommendation.timeline_source import timeline_files
from ondevice_rec.schemas import facts, timeline
from ondevice_rec.schemas.input_spec_check import context_features, source_column
from ondevice_rec.schemas.pipeline_config_pb2 import Serving

logger = logging.getLogger("ondevice_rec.pusher")

Artifacts = dict[str, list[types.Artifact]]


class Executor(BaseExecutor):
    """Executor of `TFLitePusher`: one method for each step."""

    def Do(  # noqa: N802
        self,
        input_dict: Artifacts,
        output_dict: Artifacts,
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes a blessed model; says why where nothing is pushed.

        Args:
          input_dict: `model`, `model_blessing`, `examples` (transformed timelines),
            `catalogue` and, optionally, `evaluation`.
          output_dict: `pushed_model`.
          exec_properties: `serving`, a Serving as JSON, and `push_dir`.

        Raises:
          ValueError: TFLite does not give what the model gives; nothing is published.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        refusal = self.check_blessing(input_dict["model_blessing"])
        if refusal:
            mark_not_pushed(pushed, refusal)
            provenance.record(output_dict)
            return
        serving = proto_utils.json_to_proto(exec_properties["serving"], Serving())
        model = artifact_utils.get_single_instance(input_dict["model"])
        saved_model_dir = path_utils.serving_model_path(model.uri)
        catalogue_uri = artifact_utils.get_single_uri(input_dict["catalogue"])
        assets = dataclasses.replace(
            export.load_assets(saved_model_dir), titles=titles.titles(catalogue_uri)
        )

        tflite_model = self.export_tflite(saved_model_dir, assets)
        verified = self.verify(
            saved_model_dir, tflite_model, input_dict["examples"], assets, serving
        )
        evaluation = next(iter(input_dict.get("evaluation") or []), None)
        published = publish.publish(
            Path(exec_properties["push_dir"]),
            lambda folder: self.write_files(
                folder, saved_model_dir, tflite_model, assets
            ),
            {
                **describe_model(tflite_model, assets),
                **describe_verification(verified),
                "metrics": read_metrics(evaluation),
                "lineage": lineage_ids.lineage(
                    self._context, model, input_dict["examples"], evaluation
                ),
            },
        )
        mark_pushed(pushed, published)
        provenance.record(output_dict)

    def check_blessing(self, blessings: Sequence[types.Artifact]) -> str:
        """Why the model must not be pushed; empty for a blessed one."""
        blessing = artifact_utils.get_single_instance(list(blessings))
        if model_utils.is_model_blessed(blessing):
            return ""
        reason = blessing.get_string_custom_property(facts.REFUSAL)
        return f"the model is not blessed{': ' if reason else ''}{reason}"

    def export_tflite(self, saved_model_dir: str, assets: ModelAssets) -> bytes:
        """Content of the `.tflite` file."""
        return export.convert_to_tflite(saved_model_dir, assets=assets)

    def verify(
        self,
        saved_model_dir: str,
        tflite_model: bytes,
        examples: Sequence[types.Artifact],
        assets: ModelAssets,
        serving: Serving,
    ) -> Verification:
        """Compares TFLite with the SavedModel on windows of real timelines.

        Raises:
          ValueError: they agree on fewer of them than `min_agreement`.
        """
        files = [
            file
            for split in (timeline.VALIDATION, timeline.TEST)
            for uri in artifact_utils.get_split_uris(list(examples), split)
            for file in timeline_files(uri)
        ]
        found = verification.verify(
            saved_model_dir,
            tflite_model,
            files,
            assets.input_spec,
            serving.verification_timelines,
        )
        if not found.agreement >= serving.min_agreement:
            raise ValueError(
                "TFLite must recommend what the model recommends for "
                f"{serving.min_agreement:.4%} of the real windows, received "
                f"{found.agreement:.4%} of {found.queries:,}; nothing was published. "
                "The largest difference between scores is "
                f"{found.max_score_difference:.3g}: if that is small, lower "
                "`min_agreement` in `serving`; else please report the input spec."
            )
        logger.info(
            "TFLite agrees with the model on %.2f %% of %d windows, %.0f us each",
            100 * found.agreement,
            found.queries,
            found.p50_us,
        )
        return found

    def write_files(
        self,
        folder: Path,
        saved_model_dir: str,
        tflite_model: bytes,
        assets: ModelAssets,
    ) -> None:
        """Writes everything of a version but its manifest."""
        (folder / version_folder.MODEL).write_bytes(tflite_model)
        for name, text in assets.files().items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        saved_model = str(folder / version_folder.SAVED_MODEL)
        io_utils.copy_dir(saved_model_dir, saved_model)
        export.write_assets(saved_model, assets)


def describe_model(tflite_model: bytes, assets: ModelAssets) -> dict[str, Any]:
    """What the manifest says of the model itself."""
    columns = {
        feature.feature_name: source_column(feature)
        for feature in context_features(assets.input_spec)
    }
    label = assets.input_spec.label_feature
    predictions = [assets.hparams.num_predictions]
    return {
        "package_version": importlib.metadata.version("ondevice-rec"),
        "vocab_size": label.vocab_size,
        "num_predictions": assets.hparams.num_predictions,
        "item_column": source_column(label),
        "inputs": [
            {
                "name": name,
                "shape": list(shape),
                "dtype": dtype.name,
                "column": columns[name],
            }
            for name, (shape, dtype) in Interpreter(tflite_model).inputs.items()
        ],
        "outputs": [
            {"name": IDS, "shape": predictions, "dtype": "int32"},
            {"name": SCORES, "shape": predictions, "dtype": "float32"},
        ],
    }


def describe_verification(verified: Verification) -> dict[str, Any]:
    """What the manifest says of the comparison with the SavedModel."""
    return {
        "verification": {
            "queries": verified.queries,
            "identical": verified.identical,
            "agreement": verified.agreement,
            "max_score_difference": verified.max_score_difference,
        },
        "latency_us": {
            "p50": verified.p50_us,
            "p99": verified.p99_us,
            "threads": 1,
            "calls": verified.queries,
        },
    }


def read_metrics(evaluation: types.Artifact | None) -> dict[str, Any] | None:
    """The metrics of all queries: the model's and the popularity model's."""
    if evaluation is None:
        return None
    path = os.path.join(evaluation.uri, METRICS_FILE)
    overall: dict[str, Any] = json.loads(io_utils.read_string_file(path))["slices"][
        OVERALL
    ]
    return overall


def mark_pushed(pushed: types.Artifact, version: VersionFolder) -> None:
    """Says where the version is, what it is, and how fast."""
    manifest = version.manifest
    model = manifest["files"][version_folder.MODEL]
    pushed.set_int_custom_property(facts.PUSHED, 1)
    pushed.set_string_custom_property(facts.PUSHED_DESTINATION, str(version.path))
    pushed.set_string_custom_property(facts.PUSHED_VERSION, str(version.version))
    pushed.set_string_custom_property(facts.MODEL_SHA256, model["sha256"])
    pushed.set_int_custom_property(facts.MODEL_SIZE_BYTES, model["size"])
    latency = manifest["latency_us"]
    pushed.set_float_custom_property(facts.LATENCY_P50_US, latency["p50"])
    pushed.set_float_custom_property(facts.LATENCY_P99_US, latency["p99"])
    pushed.set_float_custom_property(
        facts.AGREEMENT, manifest["verification"]["agreement"]
    )
    io_utils.write_string_file(
        os.path.join(pushed.uri, version_folder.MANIFEST),
        (version.path / version_folder.MANIFEST).read_text(encoding="utf-8"),
    )


def mark_not_pushed(pushed: types.Artifact, refusal: str) -> None:
    """Says that nothing was pushed, and why."""
    pushed.set_int_custom_property(facts.PUSHED, 0)
    pushed.set_string_custom_property(facts.REFUSAL, refusal)
    fileio.makedirs(pushed.uri)
    logger.warning("nothing is pushed: %s", refusal)
