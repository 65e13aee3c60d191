"""What a user should know of their data before they trust a model's figures."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ondevice_rec.schemas import facts

# Rules of thumb. With fewer events than this an item's vector, or a user's taste, is
# mostly chance.
_EVENTS_PER_ITEM = 10
_EVENTS_PER_USER = 5
# A 95 % interval of recall@10 wider than this share of it tells models apart badly.
_WIDE = 0.1
_KNOWN_LABELS = 0.95
_BETTER_THAN_LAST_ITEM = 1.05


def notes(
    data: Mapping[str, int],
    metrics: Mapping[str, float],
    baselines: Mapping[str, Mapping[str, float]],
) -> list[str]:
    """Where the data are too small or too cold, in words.

    Args:
      data: `events`, `users` and `items` of the ingested log.
      metrics: The model's metrics over all queries, `query_count` among them.
      baselines: Those of the baselines, by name.
    """
    found = []
    events, users = data[facts.EVENTS], data[facts.USERS]
    items = data[facts.ITEMS]
    if events < _EVENTS_PER_ITEM * items:
        found.append(
            f"{events / max(items, 1):.1f} events an item: most items are too rare to "
            "learn. Take more of the log, or raise `filters.min_item_count`."
        )
    if events < _EVENTS_PER_USER * users:
        found.append(
            f"{events / max(users, 1):.1f} events a user: there is little to learn an "
            "order from. Take more of the log, or raise `filters.min_timeline`."
        )
    recall, queries = metrics.get("recall@10"), metrics.get(facts.QUERY_COUNT, 0)
    if recall and queries:
        half = 1.96 * math.sqrt(recall * (1 - recall) / queries)
        if half > _WIDE * recall:
            found.append(
                f"{queries:,.0f} queries: recall@10 is known to ± {half:.4f} only, so "
                "smaller differences are chance."
            )
    known = metrics.get("label_coverage", 1.0)
    if known < _KNOWN_LABELS:
        found.append(
            f"{1 - known:.1%} of the items to predict were never seen in training, and "
            "cannot be recommended. Train more often, or lower `min_vocab_count`."
        )
    last_item = baselines.get("markov", {}).get("ndcg@10", 0.0)
    own = metrics.get("ndcg@10", 0.0)
    if own and own < _BETTER_THAN_LAST_ITEM * last_item:
        found.append(
            "the model is hardly better than what followed the last item in training "
            "(markov): the order before it tells little, or the model is too small or "
            "trained too briefly."
        )
    return found
