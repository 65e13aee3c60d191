"""Ids that stay when the data change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ondevice_rec.components.sequence_transform import kept_ids

KEYS = st.lists(st.sampled_from("abcdefghij"), unique=True)


def test_new_keys_take_the_places_of_those_that_are_gone_then_new_ones():
    # b and d are gone; x, the more frequent one, comes before y and z.
    found = kept_ids.merge(["a", "b", "c", "d"], ["c", "x", "a", "y", "z"])
    assert found == ["a", "x", "c", "y", "z"]


def test_a_key_that_is_gone_holds_its_place_open_and_is_cut_off_at_the_end():
    assert kept_ids.merge(["a", "b", "c", "d"], ["c"]) == ["a", "b", "c"]
    assert kept_ids.merge(["a", "b"], []) == []
    assert kept_ids.merge([], ["b", "a"]) == ["b", "a"]


def test_a_smaller_cap_moves_those_past_it():
    assert kept_ids.merge(["a", "b", "c"], ["c", "a"], cap=2) == ["a", "c"]


@given(KEYS, KEYS, st.integers(0, 5))
def test_nothing_that_survives_moves_and_nothing_is_lost(earlier, kept, spare):
    cap = len(kept) + spare
    found = kept_ids.merge(earlier, kept, cap)
    assert len(set(found)) == len(found) <= max(cap, len(kept))
    assert set(kept) <= set(found) <= set(kept) | set(earlier)
    for place, key in enumerate(earlier):
        if key in kept and place < cap:
            assert found[place] == key
