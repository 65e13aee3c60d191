"""Checks how a model is to be pushed."""

from __future__ import annotations

from collections import Counter

from ondevice_rec.schemas.errors import UserError
from ondevice_rec.schemas.pipeline_config_pb2 import Serving, Variant


def validate(serving: Serving) -> None:
    """Checks the values of `serving`.

    Raises:
      UserError: one is not possible; the message says what is.
    """
    if serving.verification_timelines < 1:
        raise UserError(
            "`serving.verification_timelines` must be >= 1, received "
            f"{serving.verification_timelines}."
        )
    if not 0 <= serving.min_agreement <= 1:
        raise UserError(
            "`serving.min_agreement` must be between 0 and 1, received "
            f"{serving.min_agreement}."
        )
    if serving.keep_versions < 0:
        raise UserError(
            "`serving.keep_versions` must be >= 0, received "
            f"{serving.keep_versions}. 0 keeps all."
        )
    counts = Counter(variant.precision for variant in serving.variants)
    for number, variant in enumerate(serving.variants):
        _check_variant(variant, f"serving.variants[{number}]")
        if counts[variant.precision] > 1:
            name = Variant.Precision.Name(variant.precision)
            raise UserError(f"`serving.variants` must name {name} once.")


def _check_variant(variant: Variant, key: str) -> None:
    for field in ("max_size_bytes", "max_latency_p50_us"):
        value = getattr(variant, field)
        if variant.HasField(field) and value < 1:
            raise UserError(f"`{key}.{field}` must be >= 1, received {value}.")
    if not 0 <= variant.max_ndcg_loss <= 1:
        raise UserError(
            f"`{key}.max_ndcg_loss` must be between 0 and 1, received "
            f"{variant.max_ndcg_loss}."
        )
