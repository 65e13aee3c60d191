"""What a run's table says of data that are too small or too cold."""

from __future__ import annotations

from ondevice_rec.pipelines.data_notes import notes

GOOD = {"events": 1_000_000, "users": 6_000, "items": 3_700}
METRICS = {
    "recall@10": 0.3,
    "ndcg@10": 0.18,
    "query_count": 6000.0,
    "label_coverage": 0.999,
}
MARKOV = {"markov": {"ndcg@10": 0.1}}


def test_good_data_need_no_words():
    # 1.96 * sqrt(0.3 * 0.7 / 6000) = 0.0116, less than a tenth of 0.3.
    assert notes(GOOD, METRICS, MARKOV) == []


def test_rare_items_and_short_timelines():
    (items,) = notes({**GOOD, "items": 200_000}, METRICS, MARKOV)
    assert items.startswith("5.0 events an item")
    (users,) = notes({**GOOD, "users": 400_000}, METRICS, MARKOV)
    assert users.startswith("2.5 events a user")


def test_few_queries_give_the_interval():
    (words,) = notes(GOOD, {**METRICS, "query_count": 600.0}, MARKOV)
    # 1.96 * sqrt(0.3 * 0.7 / 600) = 0.0367
    assert words.startswith("600 queries: recall@10 is known to ± 0.0367 only")


def test_cold_items():
    (words,) = notes(GOOD, {**METRICS, "label_coverage": 0.8}, MARKOV)
    assert words.startswith("20.0% of the items to predict were never seen")


def test_no_better_than_the_last_item():
    (words,) = notes(GOOD, METRICS, {"markov": {"ndcg@10": 0.175}})
    assert "hardly better" in words
    assert notes(GOOD, METRICS, {}) == []
