"""What PostgreSQL cannot keep is said before anything runs."""

from __future__ import annotations

import pytest
from ml_metadata.proto import metadata_store_pb2

from ondevice_rec.components.activity_example_gen.component import ActivityExampleGen
from ondevice_rec.pipelines import store_limits
from ondevice_rec.schemas import pipeline_config_pb2
from ondevice_rec.schemas.errors import UserError


def test_a_tab_cannot_go_to_postgresql() -> None:
    log = pipeline_config_pb2.ActivityLog(
        path="log.tsv", user="u", item="i", timestamp="t", delimiter="\t"
    )
    nodes = [ActivityExampleGen(log)]
    config = metadata_store_pb2.ConnectionConfig()
    config.mysql.host = "127.0.0.1"
    store_limits.check(nodes, config)
    config.postgresql.host = "127.0.0.1"
    with pytest.raises(UserError, match="`log` of ActivityExampleGen has a backslash"):
        store_limits.check(nodes, config)
    log.delimiter = ";"
    store_limits.check([ActivityExampleGen(log).with_id("other")], config)
