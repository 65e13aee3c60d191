"""Nothing of the test split is learnt: from the log to the labels the trainer sees."""

from __future__ import annotations

import numpy as np
import pytest
from google.protobuf import text_format

from ondevice_rec.recommendation.feed.timelines import Timelines
from ondevice_rec.recommendation.feed.training_feed import open_feed
from ondevice_rec.recommendation.learner import LABEL
from ondevice_rec.recommendation.spec import InputSpec
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2

USERS, EVENTS = 40, 12
SPEC = """activity_feature_groups {{ encoder_type: {encoder} features {{
  feature_name: "context_item" feature_type: INT vocab_size: 1000 embedding_dim: 4
  feature_length: 5 }} }}
label_feature {{ feature_name: "label_item" feature_type: INT vocab_size: 1000
  embedding_dim: 4 }}"""
# Every event has an item of its own, which tells it from all others. Three events of a
# user share a moment.
LOG = "user,item,time\n" + "".join(
    f"u{user},{1 + user * EVENTS + event},{1000 + user + 100 * (event // 3)}\n"
    for user in range(USERS)
    for event in range(EVENTS)
)


def targets(examples) -> set[int]:
    return {
        int(item)
        for example in examples
        for item, asked in zip(example["item"], example["target"], strict=True)
        if asked
    }


def learnt(examples, encoder: str) -> set[int]:
    """Labels of one epoch and more of the trainer's feed."""
    lengths = [len(example["item"]) for example in examples]
    columns = {
        name: np.concatenate([example[name] for example in examples]).astype(np.int64)
        for name in ("item", "timestamp", "target")
    }
    timelines = Timelines(
        [example["user"][0].encode() for example in examples],
        np.concatenate([[0], np.cumsum(lengths)]),
        columns["timestamp"],
        columns["target"],
        {"item": columns["item"]},
    )
    spec = text_format.Parse(SPEC.format(encoder=encoder), InputSpec())
    feed = open_feed(timelines, spec, 8, seed=1)
    found = set()
    for batch in feed.batches.take(2 * feed.count()[0] // 8 + 2).as_numpy_iterator():
        found |= set(batch[LABEL].reshape(-1).tolist())
    return found - {0}


@pytest.mark.parametrize("baskets", [False, True])
@pytest.mark.parametrize("strategy", config_pb2.Split.Strategy.keys())
def test_no_target_of_another_split_is_learnt(ingest, log_of, strategy, baskets):
    split = config_pb2.Split(strategy=strategy, baskets=baskets)
    found = ingest(log_of(LOG), split=split)
    asked = {name: targets(examples) for name, examples in found.examples.items()}
    assert all(asked.values())
    assert not asked["validation"] & asked["test"]
    # Windows, and whole timelines.
    for encoder in ("BOW", "GRU"):
        labels = learnt(found.examples["train"], encoder)
        assert labels == asked["train"]
        assert not labels & (asked["validation"] | asked["test"])
