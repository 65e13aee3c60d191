"""What holds for any log, checked against a plain Python account of the rules."""

from __future__ import annotations

import collections
import io
import itertools
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2
from ondevice_rec.schemas import timeline

KEYS = st.sampled_from(["a", "b", "c", "d", "e", "ü", ""])
TIMES = st.sampled_from(["1", "2", "3", "3", "4", "1.5", "-1", "soon", "1e3"])
ROWS = st.lists(
    st.tuples(st.sampled_from(["u", "v", "w", ""]), KEYS, TIMES), max_size=60
)


@pytest.fixture(scope="module")
def graph():
    """The Beam transforms, called here one after the other, as any runner might."""
    from ondevice_rec.components.activity_example_gen import graph

    return graph


def run(graph, files, num_partitions, filters, split, lengths=(3, 7)):
    """Returns the tally and, by split, (user, items, targets, overlap) in order."""
    from ondevice_rec.components.activity_example_gen import (
        partitions,
        plan,
        splitting,
        tally,
    )

    log = config_pb2.ActivityLog(path="-", user="user", item="item", timestamp="time")
    made = plan.Plan(
        log=log,
        filters=filters,
        split=split,
        context_length=lengths[0],
        max_segment_length=lengths[1],
        timestamps="numbers",
        moments=None,
        files=(),
        newest_file=None,
        num_partitions=num_partitions,
        catalogue_path="",
        examples_uri="",
    )
    total: dict = {}

    def outputs(values):
        nonlocal total
        for value in values:
            if getattr(value, "tag", None) == "tally":
                total = tally.add(total, value.value)
            else:
                yield value

    grouped = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        # The last file comes first: the order of arrival means nothing.
        for number, rows in reversed(list(enumerate(files))):
            path = Path(folder) / f"{number}.csv"
            lines = ["user,item,time", *(",".join(row) for row in rows)]
            path.write_text("\n".join(lines))
            for partition, piece in outputs(
                graph.ReadLog(made).process((number, str(path)))
            ):
                grouped[partition].append(piece)
    arranged = [
        element
        for partition, pieces in grouped.items()
        for element in outputs(graph.Arrange(made).process((partition, pieces)))
    ]
    counts = None
    if filters.min_item_count > 1:
        adder = tally.SumByKey("item", "string")
        counts = adder.extract_output(
            [m for element in arranged for m in graph._item_counts(element)]
        )
    found = collections.defaultdict(list)
    total["events"] = 0
    for element in arranged:
        for _, limited in outputs(graph.Limit(made).process(element, counts)):
            total["events"] += limited.num_events
            assigned = splitting.assign(limited, split, None)
            for index, name in enumerate(timeline.SPLITS):
                segments = splitting.cut(limited, assigned == index, *lengths)
                items = np.array(limited.items.to_pylist())[limited.item_codes]
                for i, user in enumerate(segments.users.tolist()):
                    rows = slice(*segments.bounds[i : i + 2])
                    found[name].append(
                        (
                            limited.users[user].as_py(),
                            items[segments.events[rows]].tolist(),
                            segments.targets[rows].astype(int).tolist(),
                            int(segments.overlaps[i]),
                        )
                    )
    assert partitions.number_for(1) == 1
    return total, {name: sorted(values) for name, values in found.items()}


def account(rows, filters):
    """Timelines by user, after the rules of `Filters`, in plain Python."""
    usable = []
    for user, item, time in rows:
        if user and item and time not in ("soon", "-1"):
            usable.append((user, item, float(time)))
    if not filters.keep_duplicates:
        usable = list(dict.fromkeys(usable))
    counts = collections.Counter(item for _, item, _ in usable)
    timelines = collections.defaultdict(list)
    for user, item, _ in sorted(usable, key=lambda row: row[2]):
        if counts[item] >= filters.min_item_count:
            timelines[user].append(item)
    kept = {u: t for u, t in timelines.items() if len(t) >= filters.min_timeline}
    if filters.HasField("max_timeline"):
        return {u: t[-filters.max_timeline :] for u, t in kept.items()}
    return kept


FILTERS = st.builds(
    config_pb2.Filters,
    min_item_count=st.integers(1, 3),
    min_timeline=st.integers(1, 3),
    max_timeline=st.one_of(st.none(), st.integers(3, 9)),
    keep_duplicates=st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(
    rows=ROWS,
    filters=FILTERS,
    cuts=st.lists(st.integers(0, 60)),
    parts=st.integers(1, 4),
)
@example(rows=[], filters=config_pb2.Filters(), cuts=[], parts=2)
def test_any_log_gives_the_timelines_of_the_rules(graph, rows, filters, cuts, parts):
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    files = [rows[a:b] for a, b in itertools.pairwise(edges)]
    split = config_pb2.Split()
    total, found = run(graph, files, parts, filters, split, lengths=(3, 1000))

    expected = account(rows, filters)
    assert total["events"] == sum(map(len, expected.values()))
    lost = sum(total.get("rejected", {}).values()) + sum(
        total.get("filtered", {}).values()
    )
    assert total.get("rows_read", 0) == len(rows) == total["events"] + lost

    for name, left in ((timeline.VALIDATION, 1), (timeline.TEST, 0)):
        assert found.get(name, []) == sorted(
            (u, t[: len(t) - left], [0] * (len(t) - left - 1) + [1], 0)
            for u, t in expected.items()
            if len(t) >= 3
        )
    train = {u: t[:-2] if len(t) >= 3 else t for u, t in expected.items()}
    assert found.get(timeline.TRAIN, []) == sorted(
        (u, t, [0] + [1] * (len(t) - 1), 0) for u, t in train.items() if len(t) >= 2
    )


@settings(max_examples=100, deadline=None)
@given(
    lengths=st.lists(st.integers(2, 40), min_size=1, max_size=4),
    strategy=st.sampled_from(["LEAVE_LAST_OUT", "UNSEEN_USERS", "RANDOM"]),
    seed=st.integers(0, 3),
    context=st.integers(1, 6),
    more=st.integers(1, 9),
)
def test_every_target_once_with_its_whole_context(
    graph, lengths, strategy, seed, context, more
):
    rows = [(f"u{u}", str(p), str(p)) for u, n in enumerate(lengths) for p in range(n)]
    split = config_pb2.Split(
        strategy=strategy, validation_fraction=0.3, test_fraction=0.3, seed=seed
    )
    sizes = (context, context + more)
    _, found = run(graph, [rows], 2, config_pb2.Filters(), split, sizes)
    asked = []
    for name, segments in found.items():
        for user, items, targets, overlap in segments:
            positions = [int(item) for item in items]
            assert len(items) <= sizes[1]
            assert positions == list(range(positions[0], positions[0] + len(items)))
            assert not any(targets[:overlap])
            assert any(targets)
            for index, target in enumerate(targets):
                if target:
                    position = positions[index]
                    asked.append((user, position))
                    assert index >= min(position, context)
            if name != timeline.TRAIN or strategy == "RANDOM":
                continue
            # Nothing the other splits ask for can be seen in training.
            later = (
                2 if strategy == "LEAVE_LAST_OUT" and lengths[int(user[1:])] > 2 else 0
            )
            assert positions[-1] < lengths[int(user[1:])] - later
    assert sorted(asked) == sorted(
        (f"u{u}", p) for u, n in enumerate(lengths) for p in range(1, n)
    )


LINES = st.lists(
    st.text(st.sampled_from(list('ab",\n\r ü')), max_size=12), min_size=1, max_size=12
)


@settings(max_examples=100, deadline=None)
@given(
    fields=st.lists(st.tuples(*[st.text(st.sampled_from('ab", \nü'), max_size=6)] * 2))
)
def test_any_values_survive_quoting_whatever_the_size_of_blocks(fields):
    import csv

    from ondevice_rec.components.activity_example_gen import csv_reader

    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(["x", "y"])
    writer.writerows(fields)
    data = text.getvalue().encode()
    for size in (1, 7, 1 << 20):
        blocks = csv_reader.read(
            "-", io.BytesIO(data), csv_reader.Dialect(","), (), ["y", "x"], (), size
        )
        rows = []
        for block in blocks:
            assert not block.ragged
            columns = [block.columns[name].to_pylist() for name in ("x", "y")]
            rows += [(x.decode(), y.decode()) for x, y in zip(*columns, strict=True)]
        assert rows == fields


@settings(max_examples=100, deadline=None)
@given(lines=LINES)
def test_no_text_takes_good_rows_with_it(lines):
    from ondevice_rec.components.activity_example_gen import csv_reader

    # Rows that are good wherever they stand: no quotes, three fields, a mark.
    good = [f"good{i}" for i in range(len(lines))]
    mixed = [
        line
        for pair in zip(lines, good, strict=True)
        for line in (pair[0], pair[1] + ",x,y")
    ]
    data = ("a,b,c\n" + "\n".join(mixed)).encode()
    blocks = csv_reader.read(
        "-",
        io.BytesIO(data),
        csv_reader.Dialect(","),
        (),
        ["a", "b"],
        ("a", "b", "c"),
        16,
    )
    seen = [v.decode() for b in blocks for v in b.columns["a"].to_pylist()]
    assert [value for value in seen if value.startswith("good")] == good
