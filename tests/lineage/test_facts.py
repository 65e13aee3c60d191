"""The names that are read are the names that are written."""

from __future__ import annotations

from ondevice_rec.lineage import facts as read
from ondevice_rec.schemas import facts as written


def test_every_name_is_the_components_own() -> None:
    names = {name for name in vars(read) if name.isupper()}

    assert names
    assert {name: getattr(read, name) for name in names} == {
        name: getattr(written, name) for name in names
    }
