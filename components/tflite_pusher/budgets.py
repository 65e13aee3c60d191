"""Says no to a variant that costs more than it may."""

from __future__ import annotations

import math

from ondevice_rec.components.tflite_pusher.variants import Exported
from ondevice_rec.components.tflite_pusher.verification import Verification


def refusal(exported: Exported, verified: Verification) -> str:
    """Why a variant must not be pushed, with the figures; empty where it may.

    Args:
      exported: The variant and its budget.
      verified: What was measured of it.
    """
    if exported.refusal:
        return exported.refusal
    budget, size = exported.variant, len(exported.content)
    reasons = []
    if not math.isfinite(verified.max_score_difference):
        reasons.append("its scores are not numbers (NaN or infinite)")
    if budget.HasField("max_size_bytes") and size > budget.max_size_bytes:
        reasons.append(
            f"it has {size:,} bytes, over `max_size_bytes` {budget.max_size_bytes:,}"
        )
    p50 = verified.p50_us
    # So that NaN is past every budget.
    if budget.HasField("max_latency_p50_us") and not p50 <= budget.max_latency_p50_us:
        reasons.append(
            f"one call takes {p50:,.0f} us, over `max_latency_p50_us` "
            f"{budget.max_latency_p50_us:,}"
        )
    loss = verified.ndcg_loss
    if budget.HasField("max_ndcg_loss") and not loss <= budget.max_ndcg_loss:
        reasons.append(
            f"it loses {loss:.2%} of the model's NDCG@{verified.k} "
            f"({verified.ndcg:.4f} of {verified.model_ndcg:.4f} on "
            f"{verified.queries:,} windows), over `max_ndcg_loss` "
            f"{budget.max_ndcg_loss:.2%}"
        )
    return "; ".join(reasons)
