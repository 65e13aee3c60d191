"""Spans that arrive one by one, late or again; the runs are recorded, not made."""

from __future__ import annotations

import json
import os
import signal
import threading

import pytest

from ondevice_rec.pipelines import run_place, span_queue, watch
from ondevice_rec.schemas import config as config_module
from ondevice_rec.schemas import pipeline_config_pb2
from ondevice_rec.schemas.errors import UserError

CONFIG = """\
pipeline_name: days
log: {path: "LOGS/span-{SPAN}/v{VERSION}", user: user, item: item, timestamp: time,
      window: {spans: 2}}
input_spec:
  activity_feature_groups:
    - features: [{feature_name: context_item, embedding_dim: 8, feature_length: 4}]
  label_feature: {feature_name: label_item, embedding_dim: 8}
"""


class Store:
    """Records runs in ML Metadata with the names that TFX gives."""

    def __init__(self, root):
        import ml_metadata as mlmd

        os.makedirs(root, exist_ok=True)
        self._mlmd = mlmd
        config = mlmd.proto.ConnectionConfig()
        config.sqlite.filename_uri = os.path.join(root, "metadata.sqlite")
        config.sqlite.connection_mode = 3
        self._store = mlmd.MetadataStore(config)
        self._runs = 0

    def run(self, spans, pusher, pipeline="days"):
        proto = self._mlmd.proto
        self._runs += 1
        contexts = {"pipeline": pipeline, "pipeline_run": f"{pipeline}{self._runs}"}
        for node, state in (
            ("ActivityExampleGen", proto.Execution.COMPLETE),
            ("TFLitePusher", pusher),
        ):
            kind = self._store.put_execution_type(proto.ExecutionType(name=node))
            (made,) = self._store.put_executions(
                [proto.Execution(type_id=kind, last_known_state=state)]
            )
            if node == "ActivityExampleGen":
                kind = self._store.put_artifact_type(
                    proto.ArtifactType(name="Examples")
                )
                artifact = proto.Artifact(type_id=kind, uri="/gone")
                text = artifact.custom_properties["spans"]
                text.string_value = json.dumps(spans)
                (examples,) = self._store.put_artifacts([artifact])
                event = proto.Event(
                    artifact_id=examples, execution_id=made, type=proto.Event.OUTPUT
                )
                self._store.put_events([event])
            associations = [
                proto.Association(context_id=self._context(*named), execution_id=made)
                for named in {**contexts, "node": f"{pipeline}.{node}"}.items()
            ]
            self._store.put_attributions_and_associations([], associations)

    def ended(self, spans, **named):
        self.run(spans, self._mlmd.proto.Execution.COMPLETE, **named)

    def failed(self, spans):
        self.run(spans, self._mlmd.proto.Execution.FAILED)

    def _context(self, kind, name):
        found = self._store.get_context_by_type_and_name(kind, name)
        if found is not None:
            return found.id
        proto = self._mlmd.proto
        type_id = self._store.put_context_type(proto.ContextType(name=kind))
        return self._store.put_contexts([proto.Context(type_id=type_id, name=name)])[0]


@pytest.fixture
def config(tmp_path) -> pipeline_config_pb2.PipelineConfig:
    (tmp_path / "config.yaml").write_text(CONFIG.replace("LOGS", "logs"))
    return config_module.load(str(tmp_path / "config.yaml"))


@pytest.fixture
def arrives(tmp_path):
    def write(span, version=1, content="user,item,time\n"):
        folder = tmp_path / "logs" / f"span-{span}" / f"v{version}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "log.csv").write_text(content)

    return write


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "root")


def queue(config, root, settle=0.0):
    return span_queue.SpanQueue(config, root, settle)


def due(waiting):
    task = waiting.next()
    return task and (task.why.number, task.why.version, task.last)


def test_spans_are_due_in_their_order_and_once(config, root, arrives):
    for span in (2, 1, 3):
        arrives(span)
    waiting, store = queue(config, root), Store(root)
    for span in (1, 2, 3):
        assert due(waiting) == (span, 1, span)
        store.ended([[n, 1] for n in range(max(span - 1, 1), span + 1)])
        waiting.ended(waiting.next(), 0)
    assert due(waiting) is None
    # Another watch, of the same store, goes on.
    assert due(queue(config, root)) is None
    arrives(4)
    assert due(queue(config, root)) == (4, 1, 4)


def test_a_late_span_and_a_second_version_are_read_with_the_latest(
    config, root, arrives
):
    store = Store(root)
    arrives(3)
    arrives(5)
    store.ended([[3, 1], [5, 1]])
    waiting = queue(config, root)
    assert due(waiting) is None
    arrives(4)
    assert due(waiting) == (4, 1, 5)
    store.ended([[4, 1], [5, 1]])
    waiting.ended(waiting.next(), 3)
    assert due(waiting) is None
    arrives(5, version=2)
    assert due(waiting) == (5, 2, 5)
    store.ended([[4, 1], [5, 2]])
    waiting.ended(waiting.next(), 0)
    # Out of the window of two by now; told once.
    arrives(1)
    assert due(waiting) is None
    assert [span.number for span in waiting.newly_too_old()] == [1]
    assert due(waiting) is None
    assert waiting.newly_too_old() == []


def test_a_span_that_failed_waits_until_its_files_change(config, root, arrives):
    arrives(1)
    waiting, store = queue(config, root), Store(root)
    store.failed([[1, 1]])
    store.ended([[1, 1]], pipeline="another")
    waiting.ended(waiting.next(), 1)
    assert due(waiting) is None
    arrives(2)
    assert due(waiting) == (2, 1, 2)
    arrives(1, content="user,item,time\nu,i,1\n")
    assert due(waiting) == (1, 1, 1)


def test_a_span_is_complete_when_its_files_no_longer_change(config, root, arrives):
    arrives(1)
    waiting = queue(config, root, settle=60.0)
    assert due(waiting) is None
    config.log.window.success_file = True
    waiting = queue(config, root, settle=60.0)
    assert due(waiting) is None
    (span,) = (os.path.join(os.path.dirname(root), "logs", "span-1", "v1"),)
    with open(os.path.join(span, "_SUCCESS"), "w"):
        pass
    assert due(waiting) == (1, 1, 1)


def test_a_watch_survives_failures_and_ends_when_told_to(config, root, arrives, capsys):
    arrives(1)
    arrives(2)
    arrives(3)
    store, asked = Store(root), []

    def run(_config, _root, _verbose, span, _place):
        asked.append(span)
        if span == 2:
            return 1
        store.ended([[span, 1]])
        if span == 3:
            timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM))
            timer.start()
        return 3

    code = watch.watch(config, root, run=run, poll_seconds=0.05, settle_seconds=0.0)
    assert code == 0
    # Span 2 is within the window of the last one that was read: it is not asked again.
    assert asked == [1, 2, 3]
    shown = capsys.readouterr().err
    assert "span 1 version 1: done, but nothing was pushed" in shown
    assert "span 2 version 1: failed (exit code 1)" in shown
    assert "stopped" in shown


def test_a_run_has_a_process_of_its_own(config, root, arrives, capfd):
    arrives(1, content="")
    code = watch.in_process_of_its_own(config, root, False, 1, run_place.HERE)
    assert code == 2
    assert "span 1 version 1 cannot be used" in capfd.readouterr().err


def test_only_a_folder_of_spans_can_be_watched(config, root):
    config.log.path = "/logs/*.csv"
    with pytest.raises(UserError, match=r"has none\. Put \{SPAN\}"):
        watch.watch(config, root)
    config.log.path = "gs://bucket/{SPAN}"
    with pytest.raises(UserError, match="of this machine"):
        watch.watch(config, root)
