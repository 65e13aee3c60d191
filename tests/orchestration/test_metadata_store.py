"""The store that a pipeline writes to: made where it is not, missed in words."""

from __future__ import annotations

from pathlib import Path

import pytest
import servers

from ondevice_rec.lineage import connection as lineage_connection
from ondevice_rec.pipelines import metadata_store
from ondevice_rec.schemas.errors import UserError


def test_a_store_is_made_in_the_root(tmp_path: Path) -> None:
    config = metadata_store.connection(str(tmp_path), None)
    metadata_store.require_reachable(config)
    path = lineage_connection.sqlite_path(str(tmp_path))
    assert metadata_store.shown(config) == path


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_database_that_does_not_answer(kind: str, tmp_path: Path) -> None:
    place = f"127.0.0.1:{servers.free_port()}/store"
    url = f"{kind}://ann@{place}"
    metadata_store.check_url(url)
    config = metadata_store.connection(str(tmp_path), url)
    with pytest.raises(
        UserError, match=rf"store {url} cannot be opened: .*Start it, or give"
    ):
        metadata_store.require_reachable(config)


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / lineage_connection.SQLITE_FILE
    path.write_text("user,item,time\n" * 100)
    config = metadata_store.connection(str(tmp_path), None)
    with pytest.raises(UserError, match=rf"store {path} cannot be opened"):
        metadata_store.require_reachable(config)


def test_passwords_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "secret")
    config = metadata_store.connection(str(tmp_path), "postgresql://ann@db/store")
    assert "secret" not in str(config)
    assert metadata_store.with_password(config).postgresql.password == "secret"
    assert "secret" not in metadata_store.shown(config)
