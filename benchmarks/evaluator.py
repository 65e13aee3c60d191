"""Time and memory of the evaluation of a model.

    python -m benchmarks.evaluator [--json FILE]

The model's weights are random, which changes nothing of what there is to do: a bag of
the last 20 items, 64 dimensions. Each line is one evaluation from files of timelines to
sums, all baselines, lists and 200 replicates of the bootstrap included, in a process
that has TensorFlow and Beam loaded. "Peak above start" is how much more memory the
process held at most than before it.
"""

from __future__ import annotations

import os
import tempfile
import time

import numpy as np

from benchmarks import report

_CONTEXT = 20
_EVENTS = 60
_TARGETS = 50
_SHARDS = 4
_GROUPS = 4
_SPEC = """
    global_feature_groups {{
      features {{ feature_name: "group" feature_type: STRING vocab_size: 5
                 embedding_dim: 4 feature_length: 1 }}
      encoder_type: BOW }}
    activity_feature_groups {{
      features {{ feature_name: "context_item" feature_type: STRING vocab_size: {0}
                 embedding_dim: 64 feature_length: 20 column: "item" }}
      encoder_type: BOW }}
    label_feature {{ feature_name: "label_item" feature_type: STRING vocab_size: {0}
                    embedding_dim: 64 column: "item" }}
"""
# Together ten slices or one more.
_SLICES = ("history_length", "item_popularity", "cold_items", "group")
_RUNS = (
    # items, queries, slices, whether seen items are left out
    (3_706, 250_000, _SLICES, False),
    (3_706, 500_000, _SLICES, False),
    (3_706, 1_000_000, _SLICES, False),
    (3_706, 1_000_000, (), False),
    (3_706, 250_000, _SLICES, True),
    (100_000, 25_000, _SLICES, False),
    (100_000, 100_000, _SLICES, False),
)


def write_timelines(folder: str, count: int, items: int, targets: int) -> None:
    """Writes transformed timelines: 60 events each, the last ones targets.

    Args:
      folder: Where, in 4 files.
      count: Number of timelines.
      items: Number of items; few are very popular.
      targets: Targets of each timeline.
    """
    import tensorflow as tf

    random = np.random.default_rng(0)
    weights = np.cumsum(1 / np.arange(10, items + 10))
    os.makedirs(folder)

    def ints(values: list[int]) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    times = ints(list(range(_EVENTS)))
    target = ints([0] * (_EVENTS - targets) + [1] * targets)
    for shard in range(_SHARDS):
        path = os.path.join(folder, f"timelines-{shard}.gz")
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            for user in range(shard, count, _SHARDS):
                drawn = random.random(_EVENTS) * weights[-1]
                ids = np.searchsorted(weights, drawn) + 1
                key = tf.train.BytesList(value=[b"%d" % user])
                features = {
                    "user": tf.train.Feature(bytes_list=key),
                    "item": ints(ids.tolist()),
                    "timestamp": times,
                    "target": target,
                    "overlap": ints([0]),
                    "group": ints([1 + user % _GROUPS]),
                }
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())


def save_model(folder: str, items: int) -> None:
    """Writes a SavedModel with random weights."""
    from google.protobuf import text_format

    from ondevice_rec.recommendation.export import export
    from ondevice_rec.recommendation.model import RecommendationModel
    from ondevice_rec.recommendation.spec import InputSpec, ModelHParams

    spec = text_format.Parse(_SPEC.format(items + 1), InputSpec())
    hparams = ModelHParams([], [10], [], conv_kernel_size=4, lstm_num_units=1)
    keys = ["[OOV]", *(f"item {number}" for number in range(items))]
    groups = ["[OOV]", *(f"group {number}" for number in range(_GROUPS))]
    vocabularies = {"item": keys, "group": groups}
    export.save(RecommendationModel(spec, hparams), folder, vocabularies)


def main() -> None:
    """Runs the benchmark."""
    arguments = report.parser(__doc__).parse_args()

    import apache_beam as beam
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.types import artifact_utils, standard_artifacts

    from ondevice_rec.components.topk_evaluator.executor import Executor, make_plan
    from ondevice_rec.recommendation.export.export import load_assets
    from ondevice_rec.schemas.pipeline_config_pb2 import Evaluation

    executor = Executor(
        BaseBeamExecutor.Context(
            make_beam_pipeline_fn=lambda: beam.Pipeline(runner="FnApiRunner")
        )
    )
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        made: set[str] = set()

        def evaluate(
            items: int, queries: int, slices: tuple[str, ...], exclude_seen: bool
        ) -> dict[str, object]:
            model = os.path.join(folder, f"model-{items}")
            data = os.path.join(folder, f"data-{items}-{queries}")
            users = queries // _TARGETS
            if model not in made:
                save_model(model, items)
            if data not in made:
                write_timelines(f"{data}/Split-test", users, items, _TARGETS)
                write_timelines(f"{data}/Split-train", users, items, 0)
            made.update((model, data))
            examples = standard_artifacts.Examples()
            examples.uri = data
            examples.split_names = artifact_utils.encode_split_names(["train", "test"])
            config = Evaluation(slices=slices, exclude_seen=exclude_seen)
            plan = make_plan(config, model, "", load_assets(model))
            report.reset_peak_memory()
            held = report.peak_memory()
            began, worked = time.perf_counter(), time.process_time()
            found = executor.measure([examples], plan, os.path.join(folder, "work"))
            return {
                "items": items,
                "queries": int(found.sums["overall"][0]),
                "slices": len(found.sums) - 1,
                "seen left out": exclude_seen,
                "seconds": time.perf_counter() - began,
                "CPU seconds": time.process_time() - worked,
                "peak above start, MiB": (report.peak_memory() - held) / 2**20,
            }

        # What loading for the first time takes is not measured.
        evaluate(3_706, 5_000, _SLICES, False)
        rows += [evaluate(*run) for run in _RUNS]
    report.publish("Evaluation", rows, arguments.json)


if __name__ == "__main__":
    main()
