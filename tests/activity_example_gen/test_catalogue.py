"""The catalogue is joined to the events and carried on."""

from __future__ import annotations

from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2


def test_features_are_joined_and_gaps_counted(ingest, log_of, tmp_path):
    (tmp_path / "items.csv").write_text(
        "id,name,kinds,year,price\na,Alpha,x|y,1990,1.5\nb,,x,1991,2\n"
        "a,Again,z,1,1\nc,Gamma,,old,3\nd,Delta,z,1993,4\n"
    )
    catalogue = config_pb2.Catalogue(
        path=str(tmp_path / "items.csv"), item="id", title="name"
    )
    catalogue.features.add(column="kinds", separator="|")
    catalogue.features.add(column="year", type="INT")
    catalogue.features.add(column="price", type="FLOAT")
    catalogue.features.add(column="name")
    log = log_of("user,item,time\nu,a,1\nu,c,2\nu,b,3\nu,zz,4\nu,d,5\n")
    found = ingest(log, catalogue=catalogue)
    (example,) = found.examples["test"]
    assert example["item"] == ["a", "c", "b", "zz", "d"]
    assert example["kinds"] == ["x", "y", "x", "z"]
    assert example["kinds_lengths"] == [2, 0, 1, 0, 1]
    assert example["year"] == [1990, 0, 1991, 0, 1993]
    assert example["price"] == [1.5, 0.0, 2.0, 0.0, 4.0]
    assert example["name"] == ["Alpha", "", "", "", "Delta"]
    # `c` has no usable year. The first row of `a` counts.
    assert found.report["catalogue"] == {
        "rows_read": 5,
        "rejected": {"unusable `year`": 1},
        "repeated": 1,
        "items": 3,
        "events_without_item": 2,
        "items_missing": 2,
    }
    assert [(row["item"], row["title"]) for row in found.catalogue] == [
        ("a", "Alpha"),
        ("b", "b"),
        ("d", "Delta"),
    ]
    assert found.catalogue[0]["kinds"] == ["x", "y"]


def test_movielens_titles_are_latin_1(ingest, log_of, tmp_path):
    (tmp_path / "movies.dat").write_bytes(
        "1::Misérables, Les (1995)::Drama|Musical\n2::Heat: 2::War\n".encode("latin-1")
    )
    catalogue = config_pb2.Catalogue(
        path=str(tmp_path / "movies.dat"), item="MovieID", title="Title"
    )
    catalogue.features.add(column="Genres", separator="|")
    found = ingest(log_of("user,item,time\nu,1,1\nu,2,2\n"), catalogue=catalogue)
    assert [row["title"] for row in found.catalogue] == [
        "Misérables, Les (1995)",
        "Heat: 2",
    ]
    assert found.examples["train"][0]["Genres"] == ["Drama", "Musical", "War"]


def test_without_a_catalogue_there_are_no_items(ingest, log_of):
    found = ingest(log_of("user,item,time\nu,1,1\nu,2,2\n"))
    assert found.catalogue == []
    assert found.artifacts["catalogue"].get_int_custom_property("items") == 0
