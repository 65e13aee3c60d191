"""Windows of timelines: literal ones, and against a plain reference."""

from __future__ import annotations

import tempfile
from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondevice_rec.recommendation.feed import timeline_source, windows
from ondevice_rec.recommendation.feed.timelines import Timelines
from ondevice_rec.schemas.errors import UserError

RATING = """
activity_feature_groups { features { feature_name: "context_rating" column: "rating"
  feature_type: FLOAT feature_length: 2 } }
"""
GENRES = """
activity_feature_groups { features { feature_name: "context_genre"
  feature_type: STRING vocab_size: 9 embedding_dim: 2 feature_length: 4 } }
"""
AGE = """
global_feature_groups { features { feature_name: "age" feature_type: INT
  vocab_size: 9 embedding_dim: 2 feature_length: 2 } }
"""


def rows(dataset, *names):
    """Every window as (its features' values, label), in order."""
    found = []
    for features, label in dataset.as_numpy_iterator():
        columns = [features[name].tolist() for name in names]
        found += [(*values, one) for *values, one in zip(*columns, label, strict=True)]
    return found


def test_a_window_holds_the_latest_events_before_its_target(kit, tmp_path):
    spec = kit.input_spec(kit.item_group(3))
    file = kit.write(tmp_path / "a.gz", [kit.timeline([4, 5, 6, 7, 8])])
    assert rows(windows.training_windows([file], spec, 2), "context_item") == [
        ([4, 0, 0], 5),
        ([4, 5, 0], 6),
        ([4, 5, 6], 7),
        ([5, 6, 7], 8),
    ]
    assert windows.count_training_windows([file], spec) == 4


def test_only_targets_are_predicted(kit, tmp_path):
    spec = kit.input_spec(kit.item_group(2))
    lines = [kit.timeline([4, 5, 6], target=[0, 0, 1]), kit.timeline([7], target=[1])]
    file = kit.write(tmp_path / "a.gz", lines)
    found = rows(windows.training_windows([file], spec, 8), "context_item")
    assert found == [([4, 5], 6)]


def test_out_of_vocabulary_labels_are_kept_for_evaluation_only(kit, tmp_path):
    spec = kit.input_spec(kit.item_group(2))
    file = kit.write(tmp_path / "a.gz", [kit.timeline([4, 0, 6])])
    training = rows(windows.training_windows([file], spec, 8), "context_item")
    assert training == [([4, 0], 6)]
    [(features, label, query)] = windows.evaluation_windows(
        [file], spec, 8
    ).as_numpy_iterator()
    assert features["context_item"].tolist() == [[4, 0], [4, 0]]
    assert label.tolist() == [0, 6]
    assert query["user"].tolist() == [b"u", b"u"]
    assert query["timestamp"].tolist() == [101, 102]
    assert query["history_length"].tolist() == [1, 2]


def test_segments_that_overlap_give_every_window_once(kit, tmp_path):
    spec = kit.input_spec(kit.item_group(2))
    whole = kit.write(tmp_path / "whole.gz", [kit.timeline([1, 2, 3, 4, 5, 6])])
    parts = kit.write(
        tmp_path / "parts.gz",
        [
            kit.timeline([1, 2, 3, 4]),
            # Targets among the repeated events are the previous segment's.
            kit.timeline([3, 4, 5, 6], target=[1, 1, 1, 1], overlap=2),
        ],
    )
    expected = rows(windows.training_windows([whole], spec, 3), "context_item")
    assert rows(windows.training_windows([parts], spec, 3), "context_item") == expected


def test_several_values_per_event_are_flattened(kit, tmp_path):
    spec = kit.input_spec(kit.item_group(3) + GENRES)
    line = kit.timeline(
        [4, 5, 6, 7], genre=[1, 2, 3, 4, 5, 6], genre_lengths=[2, 0, 3, 1]
    )
    other = kit.timeline([8, 9], genre=[7, 8], genre_lengths=[1, 1])
    file = kit.write(tmp_path / "a.gz", [line, other])
    assert rows(windows.training_windows([file], spec, 9), "context_genre") == [
        ([1, 2, 0, 0], 5),
        ([1, 2, 0, 0], 6),
        ([2, 3, 4, 5], 7),
        ([7, 0, 0, 0], 9),
    ]


def test_numbers_and_the_users_values(kit, tmp_path):
    spec = kit.input_spec(AGE + kit.item_group(2) + RATING)
    lines = [
        kit.timeline([4, 5], rating=[0.5, 1.5], age=[3]),
        kit.timeline([6, 7, 8], rating=[2.5, 3.5, 4.5], age=[5, 6, 7]),
    ]
    file = kit.write(tmp_path / "a.gz", lines)
    found = rows(windows.training_windows([file], spec, 2), "age", "context_rating")
    assert found == [
        ([3, 0], [0.5, 0.0], 5),
        ([5, 6], [2.5, 0.0], 7),
        ([5, 6], [2.5, 3.5], 8),
    ]


def test_an_order_is_repeatable_and_another_one_every_epoch(kit, tmp_path):
    spec = kit.input_spec(kit.item_group(2), vocab_size=100)
    lines = [kit.timeline([i, i + 1, i + 2, i + 3]) for i in range(1, 60, 4)]
    file = kit.write(tmp_path / "a.gz", lines)

    def epochs(seed):
        dataset = windows.training_windows([file], spec, 15, seed=seed, repeat=True)
        found = rows(dataset.take(6), "context_item")
        return found[:45], found[45:]

    first, second = epochs(seed=1)
    assert (first, second) == epochs(seed=1)
    assert first != epochs(seed=2)[0]
    assert first != second
    in_order = rows(windows.training_windows([file], spec, 15), "context_item")
    assert sorted(first) == sorted(second) == sorted(in_order)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "Column `rating` is not in the timelines"),
        ({"rating": [1, 2]}, "`rating` must hold an float_list, received a int64_list"),
        ({"rating": [0.5]}, "`rating` must have one value per event"),
    ],
)
def test_a_column_that_does_not_fit_is_named(kit, tmp_path, columns, message):
    spec = kit.input_spec(RATING)
    file = kit.write(tmp_path / "a.gz", [kit.timeline([4, 5], **columns)])
    with pytest.raises(Exception, match=message):
        rows(windows.training_windows([file], spec, 2), "context_rating")


def test_lengths_that_do_not_add_up_are_named(kit, tmp_path):
    spec = kit.input_spec(GENRES)
    line = kit.timeline([4, 5], genre=[1, 2], genre_lengths=[1, 2])
    file = kit.write(tmp_path / "a.gz", [line])
    with pytest.raises(Exception, match="`genre_lengths` does not add up"):
        rows(windows.training_windows([file], spec, 2), "context_genre")


def in_memory(**changes):
    """Two timelines of three and two events, with what columns there can be."""
    values = {
        "users": [b"a", b"b"],
        "row_splits": np.array([0, 3, 5]),
        "timestamp": np.array([100, 101, 102, 200, 201]),
        "target": np.array([0, 1, 1, 1, 1]),
        "columns": {
            "item": np.array([4, 5, 6, 7, 8]),
            "rating": np.array([0.5, 1.5, 2.5, 3.5, 4.5]),
            "genre": np.array([1, 2, 3, 4, 5, 6]),
        },
        "lengths": {"genre": np.array([2, 0, 1, 1, 2])},
        "user_columns": {"age": (np.array([3, 4, 5]), np.array([0, 2, 3]))},
    }
    return Timelines(**{**values, **changes})


def test_timelines_in_memory_give_windows_too(kit):
    spec = kit.input_spec(AGE + kit.item_group(3) + GENRES + RATING)
    names = ("age", "context_item", "context_genre", "context_rating")
    expected = [
        ([3, 4], [4, 0, 0], [1, 2, 0, 0], [0.5, 0.0], 5),
        ([3, 4], [4, 5, 0], [1, 2, 0, 0], [0.5, 1.5], 6),
        ([5, 0], [7, 0, 0], [4, 0, 0, 0], [3.5, 0.0], 8),
    ]
    dataset = windows.training_windows(in_memory(), spec, 2)
    assert rows(dataset, *names) == expected
    shuffled = windows.training_windows(in_memory(), spec, 2, seed=3, block_timelines=1)
    assert sorted(rows(shuffled, *names)) == expected
    assert windows.count_training_windows(in_memory(), spec) == 3
    [(_, _, query)] = windows.evaluation_windows(
        in_memory(), spec, 8
    ).as_numpy_iterator()
    assert query["user"].tolist() == [b"a", b"a", b"b"]
    assert query["timestamp"].tolist() == [101, 102, 201]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": np.ones(4)}, "`target` must have 5 values, received 4"),
        ({"row_splits": np.array([0, 5])}, "`row_splits` must say where each of the 2"),
        ({"row_splits": np.array([0, 6, 5])}, "`row_splits` must say where"),
        ({"columns": {"item": np.ones(3)}}, "`item` must have 5 values, received 3"),
        (
            {"lengths": {"genre": np.array([2, 0, 1, 1, 1])}},
            "`genre` must have 5 values, received 6",
        ),
        (
            {"user_columns": {"age": (np.array([3]), np.array([0, 1]))}},
            "`age` must say where each of the 2 timelines begins",
        ),
    ],
)
def test_parts_that_do_not_fit_together_are_named(changes, message):
    with pytest.raises(UserError, match=message):
        in_memory(**changes)


def test_no_timelines(kit, tmp_path):
    with pytest.raises(UserError, match="No timelines in"):
        timeline_source.timeline_files(str(tmp_path))
    empty = kit.write(tmp_path / "a.gz", [])
    with pytest.raises(UserError, match="No timeline in"):
        windows.training_windows([empty], kit.input_spec(kit.item_group(2)), 2)


events = st.integers(0, 12).flatmap(
    lambda n: st.fixed_dictionaries(
        {
            "item": st.lists(st.integers(0, 5), min_size=n, max_size=n),
            "target": st.lists(st.integers(0, 1), min_size=n, max_size=n),
            "genre": st.lists(
                st.lists(st.integers(0, 8), max_size=3), min_size=n, max_size=n
            ),
            "overlap": st.integers(0, n),
        }
    )
)


def reference(line, length, genre_length):
    """The windows of one timeline, worked out one by one."""
    for p, label in enumerate(line["item"]):
        if p and p >= line["overlap"] and line["target"][p] and label:
            items = line["item"][:p][-length:]
            genres = [*chain(*line["genre"][:p])][-genre_length:]
            yield (
                tuple(items + [0] * (length - len(items))),
                tuple(genres + [0] * (genre_length - len(genres))),
                label,
            )


@settings(max_examples=15, deadline=None)
@given(
    lines=st.lists(events, min_size=1, max_size=10),
    length=st.sampled_from([1, 3, 40]),
    batch_size=st.integers(1, 5),
    block=st.integers(1, 3),
    seed=st.sampled_from([None, 7]),
)
def test_windows_are_those_of_the_reference(
    kit, lines, length, batch_size, block, seed
):
    spec = kit.input_spec(kit.item_group(length) + GENRES)
    written = [
        kit.timeline(
            line["item"],
            target=line["target"],
            overlap=line["overlap"],
            genre=[*chain(*line["genre"])],
            genre_lengths=[len(values) for values in line["genre"]],
        )
        for line in lines
    ]
    expected = [window for line in lines for window in reference(line, length, 4)]
    with tempfile.TemporaryDirectory() as folder:
        file = kit.write(Path(folder) / "a.gz", written)
        dataset = windows.training_windows(
            [file], spec, batch_size, seed=seed, block_timelines=block
        )
        found = [
            (tuple(items), tuple(genres), label)
            for items, genres, label in rows(dataset, "context_item", "context_genre")
        ]
    if seed is None:
        assert found == expected
    assert Counter(found) == Counter(expected)
