"""The two files that hold the items."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ondevice_rec.recommendation.export.items import Items

# A key is a line; what else it is made of is free.
_KEYS = st.lists(
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])),
    unique=True,
)
_TITLES = st.text(st.characters(exclude_characters="\t\r\n", exclude_categories=["Cs"]))


def test_a_label_is_one_line() -> None:
    items = Items(["[OOV]", "a", "b\tc"], ["[OOV]", "two\nlines\there", "d"])
    assert items.labels == "id\tkey\ttitle\n1\ta\ttwo lines here\n2\tb\tc\td\n"
    assert items.vocabulary == "[OOV]\na\nb\tc\n"


@given(_KEYS, st.data())
def test_what_is_written_is_read(keys: list[str], data: st.DataObject) -> None:
    titles = [data.draw(_TITLES) for _ in keys]
    items = Items(["[OOV]", *keys], ["[OOV]", *titles])
    found = Items.parse(items.vocabulary, items.labels)
    assert (list(found.keys), list(found.titles)) == (items.keys, items.titles)
    assert found.ids == {key: id_ for id_, key in enumerate(keys, start=1)}


def test_an_item_without_a_title_shows_as_its_key() -> None:
    items = Items.titled(["[OOV]", "a", "b", "c"], {"b": "Beta", "c": "", "x": "?"})
    assert items.titles == ["[OOV]", "a", "Beta", "c"]
    assert items.title("b") == "Beta"
