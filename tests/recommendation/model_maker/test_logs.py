"""Loaders of any log of activity."""

from __future__ import annotations

import gzip
import itertools
import logging

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ondevice_rec import recommendation
from ondevice_rec.recommendation.data import split as splits
from ondevice_rec.schemas.errors import UserError

Loader = recommendation.DataLoader

LOG = {"u1": ["a", "b", "c", "a"], "u2": ["b", "c", "d"], "u3": ["e", "a"]}


def examples(loader) -> list[tuple[list[str], str]]:
    """Contexts and labels, as keys."""
    label = loader.input_spec.label_feature
    keys = loader.vocabularies[label.column or label.feature_name[len("label_") :]]
    name = loader.input_spec.activity_feature_groups[0].features[0].feature_name
    found = []
    if loader.size:
        for features, labels in loader.batches(64):
            for ids, id_ in zip(np.asarray(features[name]), labels, strict=True):
                context = [keys[i] for i in ids.tolist()]
                while context and context[-1] == "[OOV]":
                    context.pop()
                found.append((context, keys[int(id_[0])]))
    return found


def events(loader) -> list[tuple[list[int], list[int]]]:
    """Ids and targets of each timeline."""
    ids, target = loader.dataset.columns["item"], loader.dataset.target
    cuts = loader.dataset.row_splits
    return [
        (ids[first:last].tolist(), target[first:last].tolist())
        for first, last in itertools.pairwise(cuts)
    ]


def frame(log=LOG) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"user": user, "item": item, "timestamp": time}
            for user, items in log.items()
            for time, item in enumerate(items)
        ]
    )


def test_by_default_the_last_event_is_for_the_test(log_spec):
    train, validation, test = Loader.from_timelines(LOG, log_spec())
    # u1: train b, validation c, test a. u2: validation c, test d. u3 has two events
    # only, which are train's.
    assert examples(train) == [(["a"], "b"), (["e"], "a")]
    # Train knows a (2 times: u1, u3), b, e; not c, not d.
    assert examples(validation) == [(["a", "b"], "[OOV]"), (["b"], "[OOV]")]
    assert examples(test) == [(["a", "b"], "a"), (["b"], "[OOV]")]
    assert [loader.size for loader in (train, validation, test)] == [2, 2, 2]


def test_ids_go_by_count_in_train_then_by_key(log_spec):
    train, *_ = Loader.from_timelines(LOG, log_spec())
    assert train.vocabularies["item"] == ["[OOV]", "a", "b", "e"]
    assert train.vocab[1] == {"id": 1, "key": "a", "title": "a", "count": 2}
    assert list(train.vocab) == [1, 2, 3]
    assert train.max_vocab_id == 3
    spec = train.input_spec
    assert spec.label_feature.vocab_size == 4
    assert spec.activity_feature_groups[0].features[0].vocab_size == 4


def test_vocab_size_caps_and_min_count_prunes(log_spec):
    capped = log_spec()
    capped.label_feature.vocab_size = 3
    train, *_ = Loader.from_timelines(LOG, capped)
    assert train.vocabularies["item"] == ["[OOV]", "a", "b"]
    train, *_ = Loader.from_timelines(LOG, log_spec(), min_count=2)
    assert train.vocabularies["item"] == ["[OOV]", "a"]


def test_rows_are_ordered_by_time_and_equal_times_keep_their_order(log_spec):
    rows = pd.DataFrame(
        {
            "user": ["u"] * 5,
            "item": [5, 6, 7, 8, 9],
            "timestamp": [30, 20, 10, 20, 40],
        }
    )
    train, _validation, test = Loader.from_dataframe(rows, log_spec())
    # 7, 6, 8, 5, 9.
    assert examples(train) == [(["7"], "6"), (["7", "6"], "8")]
    assert test.dataset.timestamp.tolist() == [10, 20, 20, 30, 40]


def test_three_ways_to_give_one_log(log_spec, tmp_path):
    path = tmp_path / "log.csv"
    frame().iloc[::-1].to_csv(path, index=False)
    found = [
        Loader.from_dataframe(frame(), log_spec()),
        Loader.from_csv(path, log_spec()),
        Loader.from_timelines(LOG, log_spec(), timestamp=None),
        Loader.from_timelines(list(LOG.values()), log_spec()),
    ]
    for loaders in found[1:]:
        for loader, expected in zip(loaders, found[0], strict=True):
            assert sorted(events(loader)) == sorted(events(expected))


def test_csv_files_with_names_of_their_own(log_spec, tmp_path):
    for part, rows in (
        ("1", "x\tA\t2024-01-02\tAlpha\n"),
        ("2", "x\tB\t2024-01-01\t\n"),
    ):
        text = "who\twhat\twhen\tname\n" + rows
        with gzip.open(tmp_path / f"part{part}.tsv.gz", "wt") as file:
            file.write(text)
    spec = log_spec()
    train, *_ = Loader.from_csv(
        tmp_path / "part*.tsv.gz",
        spec,
        user="who",
        item="what",
        timestamp="when",
        title="name",
    )
    assert examples(train) == [(["B"], "A")]
    assert train.titles == {"A": "Alpha", "B": "B"}
    # 2024-01-01 in Unix milliseconds.
    assert train.dataset.timestamp.tolist() == [1704067200000, 1704153600000]


def test_features_of_every_type(log_spec):
    spec = log_spec(
        {"feature_name": "context_shop", "feature_type": "STRING", "embedding_dim": 2},
        {"feature_name": "context_hour", "feature_type": "INT", "embedding_dim": 2},
        {"feature_name": "context_price", "feature_type": "FLOAT"},
        users=[
            {
                "feature_name": "land",
                "feature_type": "STRING",
                "embedding_dim": 2,
                "feature_length": 1,
            }
        ],
    )
    rows = pd.DataFrame(
        {
            "user": ["u"] * 4,
            "item": ["a", "b", "c", "d"],
            "timestamp": [1, 2, 3, 4],
            "shop": ["s", None, "t", "t"],
            "hour": [7, 8, 7, 9],
            "price": [1.5, 2.5, 3.5, 4.5],
            "land": ["it", "it", "fr", "fr"],
        }
    )
    train, _validation, test = Loader.from_dataframe(rows, spec)
    ((features, _),) = list(test.batches(1))
    found = {name: np.asarray(values)[0].tolist() for name, values in features.items()}
    # Train has the events a and b: shop s (no value is id 0), hours 7 and 8.
    assert found == {
        "context_item": [1, 2, 0, 0],
        "context_shop": [1, 0, 0, 0],
        "context_hour": [1, 2, 1, 0],
        "context_price": [1.5, 2.5, 3.5, 0.0],
        # The user's latest value, which train does not have.
        "land": [0],
        "label_item": [0],
    }
    assert train.vocabularies["hour"] == ["[OOV]", "7", "8"]
    ((features, _),) = list(train.batches(1))
    assert np.asarray(features["land"]).tolist() == [[1]]


@pytest.mark.parametrize("as_text", [True, False])
def test_several_values_per_event(log_spec, as_text):
    tags = [["x", "y"], [], ["y"], ["x"], ["x"]]
    rows = pd.DataFrame(
        {
            "user": ["u"] * 5,
            "item": list("abcde"),
            "timestamp": range(5),
            "tags": ["|".join(each) for each in tags] if as_text else tags,
        }
    )
    train, _, test = Loader.from_dataframe(
        rows,
        log_spec(
            {
                "feature_name": "context_tags",
                "feature_type": "STRING",
                "embedding_dim": 2,
            }
        ),
        separators={"tags": "|"} if as_text else None,
    )
    # Train has a, b, c: y twice, x once. The latest four values of a, b, c, d.
    assert train.vocabularies["tags"] == ["[OOV]", "y", "x"]
    ((features, _),) = list(test.batches(1))
    assert np.asarray(features["context_tags"]).tolist() == [[2, 1, 1, 2]]


def test_events_may_be_mappings(log_spec):
    events = [
        {"item": i, "price": p, "at": t}
        for i, p, t in zip("abc", (1, 2, 3), (3, 2, 1), strict=False)
    ]
    train, _validation, _test = Loader.from_timelines(
        {"u": events},
        log_spec({"feature_name": "context_price", "feature_type": "FLOAT"}),
        timestamp="at",
        split=recommendation.Split("unseen_users", 0.0, 0.0),
    )
    assert examples(train) == [(["c"], "b"), (["c", "b"], "a")]


def test_global_time_learns_nothing_from_the_future(log_spec):
    rows = pd.DataFrame(
        {
            "user": ["u", "u", "u", "v", "v", "v", "v"],
            "item": list("abcabcd"),
            "timestamp": [1, 2, 9, 1, 5, 6, 8],
        }
    )
    train, validation, test = Loader.from_dataframe(
        rows,
        log_spec(),
        split=recommendation.Split("global_time", validation_from=5, test_from=8),
    )
    assert examples(train) == [(["a"], "b")]
    assert [label for _, label in examples(validation)] == ["b", "[OOV]"]
    # u's c (9) and v's d (8).
    assert [context for context, _ in examples(test)] == [["a", "b"], ["a", "b"]]


logs = st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=7), max_size=12)


@settings(max_examples=60, deadline=None)
@given(logs, st.sampled_from(splits.STRATEGIES), st.integers(0, 3))
def test_every_event_but_a_first_one_belongs_to_one_split(lengths, strategy, seed):
    row_splits = np.append(0, np.cumsum([len(one) for one in lengths])).astype(np.int64)
    times = np.array([t for one in lengths for t in sorted(one)], np.int64)
    split = splits.Split(strategy, 0.2, 0.3, seed=seed)
    found = splits.assign(split, row_splits, times)
    assert found.dtype == np.int8
    assert (found[row_splits[:-1]] == splits.NO_SPLIT).all()
    rest = np.delete(found, row_splits[:-1])
    assert set(rest.tolist()) <= {splits.TRAIN, splits.VALIDATION, splits.TEST}
    asked_of = [times[found == number] for number in range(3)]
    if strategy == "global_time":
        for earlier, later in ((0, 1), (0, 2), (1, 2)):
            if len(asked_of[earlier]) and len(asked_of[later]):
                assert asked_of[earlier].max() < asked_of[later].min()
    if strategy == "unseen_users":
        for first, last in itertools.pairwise(row_splits):
            assert len(set(found[first + 1 : last].tolist())) <= 1
    if strategy == "leave_last_out":
        for first, last in itertools.pairwise(row_splits):
            if last - first >= 3:
                assert found[last - 2 : last].tolist() == [1, 2]


def test_shares_are_of_users_or_events():
    row_splits = np.arange(0, 20001, 2)
    times = np.arange(20000)
    for strategy in ("unseen_users", "random", "global_time"):
        found = splits.assign(splits.Split(strategy, 0.1, 0.2), row_splits, times)
        asked = found[1::2]
        assert np.mean(asked == splits.TEST) == pytest.approx(0.2, abs=0.01)
        assert np.mean(asked == splits.VALIDATION) == pytest.approx(0.1, abs=0.01)


def test_rows_that_cannot_be_used_are_counted_and_cost_no_others(
    log_spec, tmp_path, caplog
):
    lines = [f"u{i},a{j},{j}" for i in range(10) for j in range(5)]
    bad = ["u1,,7", "u2,b,yesterday", "only-one-field", "u3,\x01c,8", "u4,d,-1"]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["user,item,timestamp", *lines, *bad]) + "\n")
    with caplog.at_level(logging.WARNING):
        train, _, test = Loader.from_csv(path, log_spec(), max_rejected_fraction=0.1)
    assert (train.size, test.size) == (20, 10)
    assert "5 of 55 rows" in caplog.text
    for reason in (
        "1 (`item` is empty)",
        "2 (`timestamp` is no moment)",
        "1 (another number of fields than the header)",
        "1 (`item` has control characters)",
    ):
        assert reason in caplog.text
    with pytest.raises(UserError, match=r"5 of 55 rows .* more than 5\.0%"):
        Loader.from_csv(path, log_spec())


def test_what_is_not_utf8_is_rejected_by_row(log_spec, tmp_path, caplog):
    rows = b"".join(b"u,a%d,%d\n" % (i, i) for i in range(30))
    path = tmp_path / "log.csv"
    path.write_bytes(b"user,item,timestamp\n" + rows + b"u,\xff,31\n")
    with caplog.at_level(logging.WARNING):
        train, *_ = Loader.from_csv(path, log_spec())
    assert "1 (`item` is not UTF-8)" in caplog.text
    assert train.size == 27


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"item": "movie"}, "has no column `movie`; it has user, item, timestamp"),
        ({"split": "yesterday"}, "`split` must be one of leave_last_out"),
        ({"min_timeline": 9}, "nothing to train on"),
        ({"min_count": 0}, "`min_count` must be >= 1"),
        ({"max_rejected_fraction": 2}, "`max_rejected_fraction` must be"),
    ],
)
def test_settings_that_cannot_be_used(log_spec, change, words):
    with pytest.raises(ValueError, match=words):
        Loader.from_dataframe(frame(), log_spec(), **change)


def test_data_that_are_none(log_spec, tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.csv cannot be read"):
        Loader.from_csv(tmp_path / "nowhere.csv", log_spec())
    with pytest.raises(UserError, match="none can be used"):
        Loader.from_dataframe(frame().iloc[:0], log_spec())
    with pytest.raises(UserError, match="must be a pandas DataFrame"):
        Loader.from_dataframe([1], log_spec())
    with pytest.raises(UserError, match="must be a list of events"):
        Loader.from_timelines({"u": "abc"}, log_spec())
    with pytest.raises(UserError, match="has no `item`"):
        Loader.from_timelines({"u": [{"movie": 1}]}, log_spec())


def test_the_label_must_be_the_item(log_spec):
    spec = log_spec()
    spec.label_feature.feature_name = "label_price"
    with pytest.raises(UserError, match="must be made from the item's column `item`"):
        Loader.from_dataframe(frame(), spec)
    spec.ClearField("label_feature")
    with pytest.raises(UserError, match="`label_feature` must name the item"):
        Loader.from_dataframe(frame(), spec)


def write(folder, timelines) -> None:
    folder.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "data-0.gz"), "GZIP") as writer:
        for columns in timelines:
            features = {
                name: tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
                if isinstance(values[0], bytes)
                else tf.train.Feature(int64_list=tf.train.Int64List(value=values))
                for name, values in columns.items()
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def test_transformed_timelines_of_the_pipeline(log_spec, tmp_path):
    def timeline(user, item, target, overlap=0):
        return {
            "user": [user],
            "item": item,
            "timestamp": list(range(len(item))),
            "target": target,
            "overlap": [overlap],
        }

    write(
        tmp_path / "Split-train",
        [
            timeline(b"u", [1, 2, 3], [1, 1, 1]),
            # The first two are there for context only.
            timeline(b"u", [2, 3, 1], [1, 1, 1], overlap=2),
        ],
    )
    write(tmp_path / "Split-test", [timeline(b"u", [2, 3, 1, 0], [0, 0, 0, 1])])
    vocabularies = tmp_path / "vocabularies"
    vocabularies.mkdir()
    (vocabularies / "item.txt").write_text("[OOV]\nx\ny\nz\n")
    train, validation, test = Loader.from_tfrecord(
        tmp_path, log_spec(), vocabularies, titles={"x": "The X"}
    )
    assert examples(train) == [(["x"], "y"), (["x", "y"], "z"), (["y", "z"], "x")]
    assert validation.size == 0
    assert examples(test) == [(["y", "z", "x"], "[OOV]")]
    assert train.titles == {"x": "The X", "y": "y", "z": "z"}
    assert train.input_spec.label_feature.vocab_size == 4
    with pytest.raises(UserError, match="`vocabularies` has none for column `item`"):
        Loader.from_tfrecord(tmp_path, log_spec(), {})
    with pytest.raises(UserError, match=r"item\.txt cannot be read"):
        Loader.from_tfrecord(tmp_path, log_spec(), tmp_path)
    with pytest.raises(UserError, match="no timelines in Split-train"):
        Loader.from_tfrecord(vocabularies, log_spec(), vocabularies)
