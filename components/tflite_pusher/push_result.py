"""What became of a push, as custom properties of the artifact."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

from tfx import types
from tfx.dsl.io import fileio
from tfx.utils import io_utils

from ondevice_rec.recommendation.ondevice import version_contents, version_folder
from ondevice_rec.schemas import facts

logger = logging.getLogger("ondevice_rec.pusher")


def mark_pushed(pushed: types.Artifact, folder: str, manifest: dict[str, Any]) -> None:
    """Says where the version is, what it is, how fast and how good each variant is.

    Args:
      pushed: The artifact.
      folder: The version's, local or remote.
      manifest: What the version's manifest says.
    """
    model = manifest["files"][version_folder.MODEL]
    pushed.set_int_custom_property(facts.PUSHED, 1)
    pushed.set_string_custom_property(facts.PUSHED_DESTINATION, folder)
    pushed.set_string_custom_property(facts.PUSHED_VERSION, str(manifest["version"]))
    pushed.set_string_custom_property(facts.MODEL_SHA256, model["sha256"])
    pushed.set_int_custom_property(facts.MODEL_SIZE_BYTES, model["size"])
    latency = manifest["latency_us"]
    pushed.set_float_custom_property(facts.LATENCY_P50_US, latency["p50"])
    pushed.set_float_custom_property(facts.LATENCY_P99_US, latency["p99"])
    pushed.set_float_custom_property(
        facts.AGREEMENT, manifest["verification"]["agreement"]
    )
    mark_variants(pushed, manifest["variants"])
    io_utils.write_string_file(
        os.path.join(pushed.uri, version_folder.MANIFEST),
        version_contents.manifest_text(manifest),
    )


def mark_variants(pushed: types.Artifact, variants: Sequence[dict[str, Any]]) -> None:
    """Says of each variant its figures, and which ones were refused and why.

    Args:
      pushed: The artifact.
      variants: As they stand in the manifest.
    """
    refused = []
    for variant in variants:
        prefix = variant["precision"].lower() + "_"
        for name, value in variant.items():
            if isinstance(value, float):
                pushed.set_float_custom_property(prefix + name, value)
        if "size" in variant:
            pushed.set_int_custom_property(
                prefix + facts.MODEL_SIZE_BYTES, variant["size"]
            )
            for name, key in (
                (facts.LATENCY_P50_US, "p50"),
                (facts.LATENCY_P99_US, "p99"),
            ):
                pushed.set_float_custom_property(
                    prefix + name, variant["latency_us"][key]
                )
        if variant["refusal"]:
            refused.append(f"{variant['precision']}: {variant['refusal']}")
    if refused:
        pushed.set_string_custom_property(facts.REFUSED_VARIANTS, "\n".join(refused))
    for reason in refused:
        logger.warning("variant refused: %s", reason)


def mark_not_pushed(pushed: types.Artifact, refusal: str) -> None:
    """Says that nothing was pushed, and why."""
    pushed.set_int_custom_property(facts.PUSHED, 0)
    pushed.set_string_custom_property(facts.REFUSAL, refusal)
    fileio.makedirs(pushed.uri)
    logger.warning("nothing is pushed: %s", refusal)
