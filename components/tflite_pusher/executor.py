"""Exports, verifies and publishes a blessed model."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.util import model_utils
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils, proto_utils

from ondevice_rec.components import provenance
from ondevice_rec.components.tflite_pusher import (
    budgets,
    destination,
    lineage_ids,
    manifest,
    popularity,
    titles,
    variants,
    verification,
)
from ondevice_rec.components.tflite_pusher.push_result import (
    mark_not_pushed,
    mark_pushed,
    mark_variants,
)
from ondevice_rec.components.tflite_pusher.variants import Exported
from ondevice_rec.components.tflite_pusher.verification import Verification
from ondevice_rec.recommendation import progress
from ondevice_rec.recommendation.export import export
from ondevice_rec.recommendation.export.assets import ModelAssets
from ondevice_rec.recommendation.feed.timeline_source import timeline_files
from ondevice_rec.recommendation.ondevice import version_folder
from ondevice_rec.schemas import facts, timeline
from ondevice_rec.schemas.pipeline_config_pb2 import Serving, Variant

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
        else:
            self.push(pushed, input_dict, exec_properties)
        provenance.record(output_dict)

    def push(
        self,
        pushed: types.Artifact,
        input_dict: Artifacts,
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes the variants that keep to their budgets, if the first one does."""
        destination.check_reachable(exec_properties["push_dir"])
        serving = proto_utils.json_to_proto(exec_properties["serving"], Serving())
        model = artifact_utils.get_single_instance(input_dict["model"])
        examples = input_dict["examples"]
        evaluation = next(iter(input_dict.get("evaluation") or []), None)
        lineage = lineage_ids.lineage(self._context, model, examples, evaluation)
        earlier = destination.published_before(exec_properties["push_dir"], lineage)
        if earlier:
            logger.warning("%s was published by an earlier attempt", earlier[0])
            mark_pushed(pushed, *earlier)
            return
        saved_model_dir = path_utils.serving_model_path(model.uri)
        assets = self.read_assets(
            saved_model_dir,
            artifact_utils.get_single_uri(input_dict["catalogue"]),
            examples,
        )
        exported = self.export(saved_model_dir, assets, examples, serving)
        verified = self.verify(saved_model_dir, exported, examples, assets, serving)
        refusals = [
            budgets.refusal(variant, measured) if measured else variant.refusal
            for variant, measured in zip(exported, verified, strict=True)
        ]
        described = manifest.describe_variants(exported, verified, refusals)
        if refusals[0]:
            mark_variants(pushed, described)
            mark_not_pushed(
                pushed,
                f"the variant that apps load, {exported[0].precision}, is refused: "
                f"{refusals[0]}",
            )
            return
        kept = [
            variant
            for variant, refusal in zip(exported, refusals, strict=True)
            if not refusal
        ]
        folder, published = destination.publish(
            exec_properties["push_dir"],
            lambda folder: self.write_files(folder, saved_model_dir, kept, assets),
            {
                **manifest.describe_model(exported[0].content, assets),
                **manifest.describe_first(described[0]),
                "variants": described,
                "metrics": manifest.read_metrics(evaluation),
                "lineage": lineage,
            },
            serving.keep_versions,
        )
        mark_pushed(pushed, folder, published)

    def check_blessing(self, blessings: Sequence[types.Artifact]) -> str:
        """Why the model must not be pushed; empty for a blessed one."""
        blessing = artifact_utils.get_single_instance(list(blessings))
        if model_utils.is_model_blessed(blessing):
            return ""
        reason = blessing.get_string_custom_property(facts.REFUSAL)
        return f"the model is not blessed{': ' if reason else ''}{reason}"

    def read_assets(
        self,
        saved_model_dir: str,
        catalogue_uri: str,
        examples: Sequence[types.Artifact],
    ) -> ModelAssets:
        """What travels with the model: its own, the titles, and what is popular."""
        assets = dataclasses.replace(
            export.load_assets(saved_model_dir), titles=titles.titles(catalogue_uri)
        )
        train_files = _split_files(examples, timeline.TRAIN)
        popular = popularity.popular_items(train_files, assets)
        return dataclasses.replace(assets, popular=popular)

    def export(
        self,
        saved_model_dir: str,
        assets: ModelAssets,
        examples: Sequence[types.Artifact],
        serving: Serving,
    ) -> list[Exported]:
        """The variants that are asked for."""
        train_files = _split_files(examples, timeline.TRAIN)
        run_id = (self._context.pipeline_run_id or "") if self._context else ""
        found = []
        asked = variants.wanted(serving)
        for place, variant in enumerate(asked):
            progress.report("exporting TFLite", place, len(asked))
            found.append(
                variants.export_variant(
                    place, variant, saved_model_dir, assets, train_files, run_id
                )
            )
        return found

    def verify(
        self,
        saved_model_dir: str,
        exported: Sequence[Exported],
        examples: Sequence[types.Artifact],
        assets: ModelAssets,
        serving: Serving,
    ) -> list[Verification | None]:
        """Compares the variants with the SavedModel on windows of real timelines.

        Returns:
          By variant; None for one that cannot be exported or run.

        Raises:
          ValueError: FLOAT32 agrees on fewer of them than `min_agreement`.
        """
        files = [
            *_split_files(examples, timeline.VALIDATION),
            *_split_files(examples, timeline.TEST),
        ]
        measured = iter(
            verification.verify(
                saved_model_dir,
                [variant.content for variant in exported if not variant.refusal],
                files,
                assets.input_spec,
                serving.verification_timelines,
            )
        )
        found = [None if variant.refusal else next(measured) for variant in exported]
        for variant, verified in zip(exported, found, strict=True):
            if verified is None:
                continue
            logger.info(
                "%s, %d bytes: %s", variant.file, len(variant.content), verified
            )
            if variant.variant.precision == Variant.FLOAT32:
                _check_agreement(verified, serving.min_agreement)
        return found

    def write_files(
        self,
        folder: Path,
        saved_model_dir: str,
        exported: Sequence[Exported],
        assets: ModelAssets,
    ) -> None:
        """Writes everything of a version but its manifest."""
        for variant in exported:
            (folder / variant.file).write_bytes(variant.content)
        for name, text in assets.files().items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        saved_model = str(folder / version_folder.SAVED_MODEL)
        io_utils.copy_dir(saved_model_dir, saved_model)
        export.write_assets(saved_model, assets)


def _split_files(examples: Sequence[types.Artifact], split: str) -> list[str]:
    return [
        file
        for uri in artifact_utils.get_split_uris(list(examples), split)
        for file in timeline_files(uri)
    ]


def _check_agreement(verified: Verification, min_agreement: float) -> None:
    if not verified.agreement >= min_agreement:
        raise ValueError(
            "TFLite must recommend what the model recommends for "
            f"{min_agreement:.4%} of the real windows, received "
            f"{verified.agreement:.4%} of {verified.queries:,}; nothing was "
            "published. The largest difference between scores is "
            f"{verified.max_score_difference:.3g}: if that is small, lower "
            "`min_agreement` in `serving`; else please report the input spec."
        )
