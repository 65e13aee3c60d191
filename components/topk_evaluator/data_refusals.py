"""What makes a measurement worthless, whatever its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ondevice_rec.components.topk_evaluator.leaks import TOLERATED_SHARE

# So many anomalies are named.
_NAMED = 5

# In `Statistics.data`.
FOREIGN_IDS = "foreign_ids"
COMPARED_TARGETS = "compared_targets"
LEAKED_TARGETS = "leaked_targets"


def refusals(data: Mapping[str, int], vocab_size: int) -> list[str]:
    """Says in words why the model and these timelines cannot be measured.

    Args:
      data: Counts of what is wrong with the timelines.
      vocab_size: Number of ids the model knows for items.

    Returns:
      One entry for each reason.
    """
    found = []
    if data.get(FOREIGN_IDS):
        found.append(
            f"{data[FOREIGN_IDS]:,} ids in the test timelines are past the end of the "
            f"model's vocabularies ({vocab_size:,} ids of items): model and timelines "
            "come from different transforms"
        )
    compared, leaked = data.get(COMPARED_TARGETS, 0), data.get(LEAKED_TARGETS, 0)
    if leaked > TOLERATED_SHARE * compared:
        found.append(
            f"{leaked:,} of {compared:,} test labels are among the training targets "
            "(same user, moment and item): the model has learnt the answers"
        )
    return found


def of_anomalies(anomalies: Sequence[str]) -> list[str]:
    """The anomalies of the data as a refusal; empty where there are none."""
    if not anomalies:
        return []
    more = f" and {len(anomalies) - _NAMED} more" if anomalies[_NAMED:] else ""
    return [f"the data have anomalies: {'; '.join(anomalies[:_NAMED])}{more}"]
