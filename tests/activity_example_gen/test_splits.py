"""Literal rows in, literal timelines out."""

from __future__ import annotations

import pytest

from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2

# Out of order. `ann` has five events, two of them at time 20; `bob` three, `cy` two.
ROWS = """user,item,time
bob,x,5
ann,a,10
ann,c,20
cy,y,7
ann,d,20
ann,e,30
bob,y,15
ann,b,15
cy,x,40
bob,z,25
dan,x,1
"""


def test_leave_last_out(ingest, log_of):
    found = ingest(log_of(ROWS))
    assert found.timelines("train") == {
        "ann": (["a", "b", "c"], [0, 1, 1]),
        "cy": (["y", "x"], [0, 1]),
    }
    assert found.timelines("validation") == {
        "ann": (["a", "b", "c", "d"], [0, 0, 0, 1]),
        "bob": (["x", "y"], [0, 1]),
    }
    assert found.timelines("test") == {
        "ann": (["a", "b", "c", "d", "e"], [0, 0, 0, 0, 1]),
        "bob": (["x", "y", "z"], [0, 0, 1]),
    }
    (ann,) = (e for e in found.examples["test"] if e["user"] == ["ann"])
    assert ann["timestamp"] == [10, 15, 20, 20, 30]
    assert ann["overlap"] == [0]
    # One event: too short for `min_timeline` 2, and counted.
    assert found.report["filtered"] == {"min_timeline": 1}
    assert found.report["rows_read"] == 11
    assert found.report["events"] == 10
    assert found.report["users"] == 3
    assert found.report["items"] == 8
    assert found.report["splits"]["train"] == {
        "timelines": 2,
        "segments": 2,
        "targets": 3,
        "entries": 5,
    }


def test_of_a_basket_only_the_first_event_is_measured(ingest, log_of):
    # Of `ann`, c and d are one basket: with c to be predicted, d is nobody's target.
    found = ingest(log_of(ROWS), split=config_pb2.Split(baskets=True))
    assert found.timelines("train") == {
        "ann": (["a", "b"], [0, 1]),
        "cy": (["y", "x"], [0, 1]),
    }
    assert found.timelines("validation") == {
        "ann": (["a", "b", "c"], [0, 0, 1]),
        "bob": (["x", "y"], [0, 1]),
    }
    assert found.timelines("test") == {
        "ann": (["a", "b", "c", "d", "e"], [0, 0, 0, 0, 1]),
        "bob": (["x", "y", "z"], [0, 0, 1]),
    }


def test_a_basket_is_learnt_whole(ingest, log_of):
    rows = "user,item,time\n" + "".join(
        f"ann,{item},{time}\n" for item, time in ["a1", "b1", "c2", "d3", "e3", "f4"]
    )
    found = ingest(log_of(rows), split=config_pb2.Split(baskets=True))
    assert found.timelines("train") == {"ann": (["a", "b", "c"], [0, 1, 1])}
    assert found.timelines("validation") == {
        "ann": (["a", "b", "c", "d"], [0, 0, 0, 1])
    }
    # Two baskets are too few to leave one out twice.
    found = ingest(
        log_of(rows[: rows.index("ann,d")]), split=config_pb2.Split(baskets=True)
    )
    assert found.timelines("train") == {"ann": (["a", "b", "c"], [0, 1, 1])}


def test_global_time_with_moments(ingest, log_of):
    split = config_pb2.Split(
        strategy="GLOBAL_TIME", validation_from="20", test_from="30"
    )
    found = ingest(log_of(ROWS), split=split)
    assert found.timelines("train") == {
        "ann": (["a", "b"], [0, 1]),
        "bob": (["x", "y"], [0, 1]),
    }
    assert found.timelines("validation") == {
        "ann": (["a", "b", "c", "d"], [0, 0, 1, 1]),
        "bob": (["x", "y", "z"], [0, 0, 1]),
    }
    assert found.timelines("test") == {
        "ann": (["a", "b", "c", "d", "e"], [0, 0, 0, 0, 1]),
        "cy": (["y", "x"], [0, 1]),
    }


def test_global_time_with_fractions_takes_the_latest_events(ingest, log_of):
    # The used events' times: 5 7 10 15 15 20 20 25 30 40. The latest tenth begins at
    # 40; the three tenths before it begin at 20, and both events at 20 belong to them.
    split = config_pb2.Split(
        strategy="GLOBAL_TIME", validation_fraction=0.3, test_fraction=0.1
    )
    found = ingest(log_of(ROWS), split=split)
    assert found.timelines("train") == {
        "ann": (["a", "b"], [0, 1]),
        "bob": (["x", "y"], [0, 1]),
    }
    assert found.timelines("validation") == {
        "ann": (["a", "b", "c", "d", "e"], [0, 0, 1, 1, 1]),
        "bob": (["x", "y", "z"], [0, 0, 1]),
    }
    assert found.timelines("test") == {"cy": (["y", "x"], [0, 1])}


def test_unseen_users_belong_to_one_split_that_the_seed_decides(ingest, log_of):
    rows = "".join(f"u{u},i{i},{i}\n" for u in range(200) for i in range(3))
    log = log_of("user,item,time\n" + rows)
    users = {}
    for seed in (0, 1):
        split = config_pb2.Split(
            strategy="UNSEEN_USERS", validation_fraction=0.25, test_fraction=0.25
        )
        split.seed = seed
        found = ingest(log, split=split)
        users[seed] = {s: set(found.timelines(s)) for s in found.examples}
        assert sum(len(u) for u in users[seed].values()) == 200
        assert len(set().union(*users[seed].values())) == 200
        # 4.5 standard deviations around the expected 50.
        assert all(22 < len(users[seed][s]) < 78 for s in ("validation", "test"))
        for timelines in map(found.timelines, found.examples):
            assert all(v == (["i0", "i1", "i2"], [0, 1, 1]) for v in timelines.values())
    assert users[0] != users[1]


def test_random_assigns_each_event_and_warns(ingest, log_of, caplog):
    rows = "".join(f"u{u},i{i},{i}\n" for u in range(30) for i in range(20))
    split = config_pb2.Split(
        strategy="RANDOM", validation_fraction=0.25, test_fraction=0.25
    )
    with caplog.at_level("WARNING", logger="ondevice_rec"):
        found = ingest(log_of("user,item,time\n" + rows), split=split)
    assert "future" in caplog.text
    asked = [
        (example["user"][0], position)
        for split in found.examples.values()
        for example in split
        for position, target in enumerate(example["target"])
        if target
    ]
    assert sorted(asked) == sorted(
        (f"u{u}", position) for u in range(30) for position in range(1, 20)
    )
    targets = {s: v["targets"] for s, v in found.report["splits"].items()}
    # 570 events: 4.5 standard deviations around 142.5.
    assert all(95 < targets[s] < 190 for s in ("validation", "test"))
    # History goes no further than the last target.
    assert all(e["target"][-1] == 1 for s in found.examples.values() for e in s)


def test_long_timelines_are_cut_with_whole_contexts(ingest, log_of):
    rows = "".join(f"u,i{i},{i}\n" for i in range(12))
    found = ingest(
        log_of("user,item,time\n" + rows), context_length=2, max_segment_length=5
    )
    train = found.examples["train"]
    assert [e["item"] for e in train] == [
        ["i0", "i1", "i2", "i3", "i4"],
        ["i3", "i4", "i5", "i6", "i7"],
        ["i6", "i7", "i8", "i9"],
    ]
    assert [e["target"] for e in train] == [
        [0, 1, 1, 1, 1],
        [0, 0, 1, 1, 1],
        [0, 0, 1, 1],
    ]
    assert [e["overlap"] for e in train] == [[0], [2], [2]]
    # One target: the latest events before it are enough.
    assert found.timelines("test") == {
        "u": (["i7", "i8", "i9", "i10", "i11"], [0, 0, 0, 0, 1])
    }
    assert found.examples["test"][0]["overlap"] == [0]


@pytest.mark.parametrize("strategy", ["GLOBAL_TIME", "LEAVE_LAST_OUT"])
def test_a_timeline_of_ten_thousand_events(ingest, log_of, strategy):
    rows = "".join(f"u,i{i % 97},{i}\n" for i in range(10_000))
    found = ingest(
        log_of("user,item,time\nv,a,1\nv,b,2\n" + rows),
        split=config_pb2.Split(strategy=strategy),
    )
    targets = {s: v["targets"] for s, v in found.report["splits"].items()}
    expected = (
        {"train": 9_998, "validation": 1, "test": 1}
        if strategy == "LEAVE_LAST_OUT"
        else {"train": 8_000, "validation": 1_000, "test": 1_000}
    )
    assert targets == expected
    assert max(len(e["item"]) for s in found.examples.values() for e in s) <= 4096
