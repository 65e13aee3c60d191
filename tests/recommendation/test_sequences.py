"""Sequences of timelines' events: literal ones, and against what windows teach."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondevice_rec.recommendation.feed import sequences, windows
from ondevice_rec.recommendation.learner import LABEL
from ondevice_rec.schemas.input_spec_check import trains_on_timelines

AGE = """
global_feature_groups { features { feature_name: "age" feature_type: INT
  vocab_size: 9 embedding_dim: 2 feature_length: 1 } }
"""


def batches(dataset, name="context_item"):
    """Per batch its rows as (inputs, labels)."""
    return [
        list(zip(batch[name].tolist(), batch[LABEL].tolist(), strict=True))
        for batch in dataset.as_numpy_iterator()
    ]


def spec_of(kit, length):
    return kit.input_spec(kit.item_group(length, "GRU"))


def test_every_event_is_an_input_and_the_next_one_its_label(kit, tmp_path):
    file = kit.write(tmp_path / "a.gz", [kit.timeline([4, 5, 6, 7])])
    found = batches(sequences.training_sequences([file], spec_of(kit, 5), 2))
    # As long as the longest of the batch.
    assert found == [[([4, 5, 6], [5, 6, 7])]]
    assert sequences.count_training_sequences([file], spec_of(kit, 5)) == (1, 3)


def test_long_timelines_are_cut_and_short_ones_padded(kit, tmp_path):
    lines = [kit.timeline([1, 2, 3, 4, 5, 6]), kit.timeline([7, 8]), kit.timeline([9])]
    file = kit.write(tmp_path / "a.gz", lines)
    found = batches(sequences.training_sequences([file], spec_of(kit, 3), 3))
    assert found == [
        [([1, 2, 0], [2, 3, 0]), ([3, 4, 5], [4, 5, 6]), ([7, 0, 0], [8, 0, 0])]
    ]
    assert sequences.count_training_sequences([file], spec_of(kit, 3)) == (3, 6)


def test_only_targets_are_labels(kit, tmp_path):
    lines = [
        kit.timeline([1, 2, 3, 4], target=[1, 0, 1, 0]),
        # What an earlier segment has taught is context only.
        kit.timeline([5, 6, 7], overlap=2),
        kit.timeline([1, 2], target=[1, 0]),
        # Out-of-vocabulary items are no labels; nor are those that follow one, since
        # the device goes by the last item it knows.
        kit.timeline([8, 0, 9, 10]),
    ]
    file = kit.write(tmp_path / "a.gz", lines)
    [rows] = batches(sequences.training_sequences([file], spec_of(kit, 3), 9))
    assert rows == [
        ([1, 2, 3], [0, 3, 0]),
        ([5, 6, 0], [0, 7, 0]),
        ([8, 0, 9], [0, 0, 10]),
    ]


def test_the_users_values_come_once(kit, tmp_path):
    spec = kit.input_spec(AGE + kit.item_group(3, "GRU"))
    file = kit.write(tmp_path / "a.gz", [kit.timeline([4, 5, 6], age=[3])])
    [batch] = sequences.training_sequences([file], spec, 2).as_numpy_iterator()
    assert batch["age"].tolist() == [[3]]
    assert batch["context_item"].tolist() == [[4, 5]]


def test_several_values_per_event_are_seen(kit, tmp_path):
    genres = kit.item_group(3, "GRU").replace("context_item", "context_genre")
    spec = kit.input_spec(genres)
    several = kit.timeline([4, 5], genre=[1, 2, 3], genre_lengths=[2, 1])
    one = kit.timeline([4, 5], genre=[1, 2])
    files = [
        kit.write(tmp_path / f"{i}.gz", [line]) for i, line in enumerate([several, one])
    ]
    assert not sequences.has_one_value_per_event(files[:1], spec)
    assert sequences.has_one_value_per_event(files[1:], spec)


def test_an_order_is_repeatable_and_another_one_every_epoch(kit, tmp_path):
    lines = [kit.timeline([i, i + 1, i + 2, i + 3, i + 4]) for i in range(1, 15)]
    file = kit.write(tmp_path / "a.gz", lines)

    def epochs(seed):
        dataset = sequences.training_sequences(
            [file], spec_of(kit, 2), 500, seed=seed, repeat=True
        )
        return batches(dataset.take(2))

    first, second = epochs(1)
    assert [first, second] == epochs(1)
    assert first != epochs(2)[0]
    # Other cuts, too.
    assert sorted(first) != sorted(second)


def test_sequences_are_counted_as_the_seed_cuts_them(kit, tmp_path):
    # Eleven inputs make four sequences of at most three, and five where the first cut
    # is behind the first input.
    lines = [kit.timeline(list(range(1, 13))) for _ in range(20)]
    file = kit.write(tmp_path / "a.gz", lines)
    spec = spec_of(kit, 3)
    dataset = sequences.training_sequences([file], spec, 99, seed=5)
    made = sum(map(len, batches(dataset)))
    assert sequences.count_training_sequences([file], spec) == (80, 220)
    assert sequences.count_training_sequences([file], spec, seed=5) == (made, 220)
    assert 80 < made < 100


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([("GRU", 5)], True),
        ([("TRANSFORMER", 5), ("GRU", 5)], True),
        ([("GRU", 5), ("GRU", 4)], False),
        ([("GRU", 5), ("BOW", 5)], False),
        ([("LSTM", 5)], False),
    ],
)
def test_which_specs_learn_from_whole_timelines(kit, groups, expected):
    made = "".join(kit.item_group(length, encoder) for encoder, length in groups)
    assert trains_on_timelines(kit.input_spec(made)) == expected
    # Groups of the user read no events.
    assert trains_on_timelines(kit.input_spec(AGE + made)) == expected


@settings(max_examples=15, deadline=None)
@given(
    lines=st.lists(
        st.integers(0, 14).flatmap(
            lambda n: st.tuples(
                st.lists(st.integers(1, 9), min_size=n, max_size=n),
                st.lists(st.integers(0, 1), min_size=n, max_size=n),
                st.integers(0, n),
            )
        ),
        min_size=1,
        max_size=8,
    ),
    length=st.sampled_from([1, 3, 40]),
    batch_size=st.integers(1, 4),
    block=st.integers(1, 3),
    seed=st.sampled_from([None, 7]),
)
def test_every_target_is_learnt_once_from_what_precedes_it(
    kit, lines, length, batch_size, block, seed
):
    spec = spec_of(kit, length)
    with tempfile.TemporaryDirectory() as folder:
        written = [
            kit.timeline(items, target=target, overlap=overlap)
            for items, target, overlap in lines
        ]
        file = kit.write(Path(folder) / "a.gz", written)
        dataset = sequences.training_sequences(
            [file], spec, batch_size, seed=seed, block_timelines=block
        )
        rows = [row for batch in batches(dataset) for row in batch]
        whole = kit.input_spec(kit.item_group(20))
        contexts = Counter()
        for features, label in windows.training_windows(
            [file], whole, 99
        ).as_numpy_iterator():
            for items, one in zip(features["context_item"], label, strict=True):
                contexts[(tuple(items[items > 0].tolist()), int(one))] += 1
        counted = sequences.count_training_sequences([file], spec)
    learnt = [
        (tuple(inputs[: p + 1]), label)
        for inputs, labels in rows
        for p, label in enumerate(labels)
        if label
    ]
    assert len(learnt) == counted[1] == contexts.total()
    # With a seed, other blocks are cut in other places.
    assert seed is not None or len(rows) == counted[0]
    # Each is the end of the context that a window has, and its label.
    for context, label in learnt:
        assert any(
            one == label and seen[-len(context) :] == context for seen, one in contexts
        )
    assert Counter(label for _, label in learnt) == Counter(
        label for _, label in contexts.elements()
    )
