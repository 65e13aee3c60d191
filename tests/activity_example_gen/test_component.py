"""The component in a pipeline: its parameters, spans, caching and repeatability."""

from __future__ import annotations

import os
import shutil

import pytest

from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2

HEADER = "user,item,time\n"


def log(path="log.csv", **fields) -> config_pb2.ActivityLog:
    return config_pb2.ActivityLog(
        path=str(path), user="user", item="item", timestamp="time", **fields
    )


def with_feature(column, **fields) -> config_pb2.ActivityLog:
    made = log()
    made.features.add(column=column, **fields)
    return made


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"context_length": 0}, "`context_length` must be >= 1, received 0"),
        ({"max_segment_length": 50}, "greater than `context_length` 50, received 50"),
        ({"log": log(delimiter="||")}, "one ASCII character"),
        ({"log": log(column_names=["a", "a"])}, "repeats `a`"),
        ({"log": log(column_names=["user", "item"])}, "uses the column `time`"),
        ({"log": log(format="MOVIELENS")}, "files have `UserID`, `MovieID`"),
        ({"log": log(max_rejected_fraction=2)}, "between 0 and 1, received 2"),
        ({"log": with_feature("target")}, "a name that the timelines already use"),
        ({"log": with_feature("x", separator="")}, "`separator` of the column `x`"),
        ({"filters": config_pb2.Filters(min_rating=3)}, "needs `filters.rating`"),
        ({"filters": config_pb2.Filters(rating="x")}, "has no effect without"),
        ({"filters": config_pb2.Filters(max_timeline=1)}, "at least 2"),
        ({"filters": config_pb2.Filters(min_timeline=0)}, "must be >= 1, received 0"),
        ({"split": config_pb2.Split(test_from="1")}, "GLOBAL_TIME, received LEAVE"),
        (
            {"split": config_pb2.Split(strategy="GLOBAL_TIME", test_from="1")},
            "go together",
        ),
        (
            {"split": config_pb2.Split(strategy="RANDOM", test_fraction=0.95)},
            "leave nothing to learn from",
        ),
        (
            {"catalogue": config_pb2.Catalogue(path="x", item="")},
            "`catalogue.item` is not set",
        ),
    ],
)
def test_impossible_parameters_are_refused_in_words(parameters, words):
    from ondevice_rec.components.activity_example_gen.component import (
        ActivityExampleGen,
    )

    with pytest.raises(ValueError, match="`") as error:
        ActivityExampleGen(**{"log": log(), **parameters})
    assert words in str(error.value)


def rows(users, events, items=13) -> list[str]:
    return [
        f"u{u},i{(u * 7 + e * e) % items},{e // 3}\n"
        for e in range(events)
        for u in range(users)
    ]


def test_same_input_same_bytes_whatever_the_workers_and_the_files(ingest, tmp_path):
    lines = rows(40, 12)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    (whole / "log.csv").write_text(HEADER + "".join(lines))
    for i, start in enumerate((0, 5, 200, 201)):
        end = (5, 200, 201, None)[i]
        (parts / f"{i}.csv").write_text(HEADER + "".join(lines[start:end]))
    parameters = {
        "split": config_pb2.Split(strategy="GLOBAL_TIME"),
        "filters": config_pb2.Filters(min_item_count=3),
    }
    first = ingest(log(whole), **parameters)
    threads = ("--direct_running_mode=multi_threading", "--direct_num_workers=2")
    for again in (
        ingest(log(whole), **parameters),
        ingest(log(parts), **parameters),
        ingest(log(parts), beam_args=threads, **parameters),
    ):
        assert again.digest() == first.digest()
        for name in ("rows_read", "filtered", "splits", "timeline_length_quantiles"):
            assert again.report[name] == first.report[name]
    assert first.report["splits"]["test"]["targets"] > 0


def test_several_partitions_have_a_shard_each_in_every_split(
    ingest, tmp_path, monkeypatch
):
    from ondevice_rec.components.activity_example_gen import partitions

    (tmp_path / "log.csv").write_text(HEADER + "".join(rows(3, 5)))
    one = ingest(log(tmp_path / "log.csv"))
    monkeypatch.setattr(partitions, "_PARTITION_BYTES", 10)
    many = ingest(log(tmp_path / "log.csv"))
    size = (tmp_path / "log.csv").stat().st_size
    number = -(-size // 10)
    assert len(many.digest()) == 3 * number
    assert (
        f"examples/Split-test/data_tfrecord-00000-of-{number:05d}.gz" in many.digest()
    )
    for split in one.examples:
        assert many.timelines(split) == one.timelines(split)
    names = {p.name for p in (many.folder / "examples").iterdir()}
    assert names == {"Split-train", "Split-validation", "Split-test"}
    assert {p.name for p in (many.folder / "report").iterdir()} == {
        "report.json",
        "rejected.jsonl",
    }


def test_the_artifact_says_what_it_holds(ingest, tmp_path):
    (tmp_path / "log.csv").write_text(HEADER + "".join(rows(4, 5)))
    examples = ingest(log(tmp_path / "log.csv")).artifacts["examples"]
    assert examples.split_names == '["train", "validation", "test"]'
    assert examples.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"
    numbers = {
        name: examples.get_int_custom_property(name)
        for name in ("rows_read", "rows_rejected", "users")
    }
    assert numbers == {"rows_read": 20, "rows_rejected": 0, "users": 4}


@pytest.fixture
def run_pipeline(tmp_path):
    """Runs the component alone with TFX's LocalDagRunner.

    Returns the span and the version of the examples, and how often they were made.
    """
    from tfx import v1 as tfx
    from tfx.orchestration import metadata

    from ondevice_rec.components.activity_example_gen.component import (
        ActivityExampleGen,
    )

    database = tfx.orchestration.metadata.sqlite_metadata_connection_config(
        str(tmp_path / "metadata.sqlite")
    )

    def run(path, **parameters):
        tfx.orchestration.LocalDagRunner().run(
            tfx.dsl.Pipeline(
                pipeline_name="test",
                pipeline_root=str(tmp_path / "root"),
                components=[ActivityExampleGen(log(path), **parameters)],
                metadata_connection_config=database,
                enable_cache=True,
                beam_pipeline_args=[
                    "--runner=FnApiRunner",
                    "--sdk_container_image=local",
                ],
            )
        )
        with metadata.Metadata(database) as handler:
            found = handler.store.get_artifacts_by_type("Examples")
        newest = max(found, key=lambda artifact: artifact.id)
        properties = newest.custom_properties
        for artifact in found:
            assert os.path.exists(artifact.uri) == (artifact.state == 2)
        return (
            properties["span"].int_value,
            properties["version"].int_value,
            len(os.listdir(tmp_path / "root" / "ActivityExampleGen" / "examples")),
        )

    return run


def test_spans_versions_and_caching(run_pipeline, tmp_path):
    def write(span, version, events):
        folder = tmp_path / "logs" / f"span-{span}" / f"v{version}"
        folder.mkdir(parents=True)
        (folder / "log.csv").write_text(HEADER + "".join(rows(3, events)))

    path = tmp_path / "logs" / "span-{SPAN}" / "v{VERSION}"
    items = tmp_path / "items.csv"
    items.write_text("id\ni1\n")
    catalogue = config_pb2.Catalogue(path=str(items), item="id")
    write(1, 1, 4)
    assert run_pipeline(path, catalogue=catalogue) == (1, 1, 1)
    # Nothing changed: cached.
    assert run_pipeline(path, catalogue=catalogue) == (1, 1, 1)
    write(2, 1, 5)
    write(2, 3, 6)
    assert run_pipeline(path, catalogue=catalogue) == (2, 3, 2)
    # Another catalogue: the same span anew.
    items.write_text("id\ni1\ni2\n")
    assert run_pipeline(path, catalogue=catalogue) == (2, 3, 3)


def test_a_failed_run_publishes_nothing_and_keeps_its_message(run_pipeline, tmp_path):
    (tmp_path / "log.csv").write_text(HEADER + "u,i,soon\nu,i,1\n")
    with pytest.raises(Exception, match=r"1 of 2 rows of .* cannot be used"):
        run_pipeline(tmp_path / "log.csv")
    shutil.rmtree(tmp_path / "root", ignore_errors=True)
    with pytest.raises(Exception, match="matches no file"):
        run_pipeline(tmp_path / "*.parquet")


def test_it_runs_by_hand_in_a_notebook(tmp_path, monkeypatch):
    import builtins

    from tfx.orchestration.experimental.interactive import interactive_context

    from ondevice_rec.components.activity_example_gen.component import (
        ActivityExampleGen,
    )

    # How TFX tells a notebook.
    monkeypatch.setattr(builtins, "__IPYTHON__", True, raising=False)
    (tmp_path / "log.csv").write_text(HEADER + "".join(rows(4, 5)))
    context = interactive_context.InteractiveContext(
        pipeline_name="by-hand",
        pipeline_root=str(tmp_path / "root"),
        beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=local"],
    )
    component = ActivityExampleGen(log(tmp_path / "log.csv"))

    context.run(component)

    for name, file in (
        ("examples", "Split-test"),
        ("catalogue", "items.parquet"),
        ("report", "report.json"),
    ):
        (artifact,) = component.outputs[name].get()
        assert file in os.listdir(artifact.uri)
