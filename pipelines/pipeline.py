"""The pipeline: components wired by their channels. Pure: nothing is read."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow_data_validation as tfdv
from ml_metadata.proto import metadata_store_pb2
from tfx import v1 as tfx
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_node import BaseNode

from ondevice_rec.components.activity_example_gen import span_range
from ondevice_rec.components.activity_example_gen.component import ActivityExampleGen
from ondevice_rec.components.recommendation_trainer.component import (
    RecommendationTrainer,
)
from ondevice_rec.components.recommendation_trainer.settings_tuner import (
    settings_tuner,
)
from ondevice_rec.components.sequence_transform.component import SequenceTransform
from ondevice_rec.components.tflite_pusher.component import TFLitePusher
from ondevice_rec.components.timeline_validator.component import TimelineValidator
from ondevice_rec.components.timeline_validator.previous_statistics import (
    previous_statistics,
)
from ondevice_rec.components.topk_evaluator import latest_blessed
from ondevice_rec.components.topk_evaluator.component import TopKEvaluator
from ondevice_rec.pipelines.engines import LOCAL_BEAM_ARGS, refuse_broken_runners
from ondevice_rec.schemas import input_spec_pb2, log_spans, pipeline_config_pb2

EarlierModel = Callable[[tfx.types.BaseChannel, str], BaseNode]
EarlierStatistics = Callable[[tfx.types.BaseChannel], BaseNode]


def create_pipeline(
    config: pipeline_config_pb2.PipelineConfig,
    pipeline_root: str,
    push_dir: str,
    metadata_connection_config: metadata_store_pb2.ConnectionConfig | None = None,
    beam_pipeline_args: tuple[str, ...] = LOCAL_BEAM_ARGS,
    span: int | None = None,
    earlier_model: EarlierModel = latest_blessed.latest_blessed,
    earlier_statistics: EarlierStatistics | None = previous_statistics,
) -> tfx.dsl.Pipeline:
    """Wires the pipeline that a configuration describes.

    Args:
      config: The configuration, checked (`ondevice_rec.schemas.config.check`).
      pipeline_root: Folder the components write their artifacts under.
      push_dir: Folder that versions are pushed to, unless the configuration's
        `serving.push_dir` says otherwise.
      metadata_connection_config: The ML Metadata store; left to the orchestrator
        where it has one of its own.
      beam_pipeline_args: Arguments of the components' Beam pipelines.
      span: The last span to read; None: the latest there is when the pipeline runs.
      earlier_model: Makes a node whose output `model` is the latest blessed model that
        was there before what it is given, and which has the name that it is given; not
        every orchestrator can find the same.
      earlier_statistics: Makes a node whose output `statistics` is that of the span to
        compare with; None where the orchestrator can find none: then drift is not
        looked at.

    Returns:
      The pipeline, with caching, ready for any TFX runner.

    Raises:
      UserError: the Beam pipelines would run on an engine that loses data.
    """
    refuse_broken_runners(beam_pipeline_args)
    spec = config.input_spec
    example_gen = ActivityExampleGen(
        log=config.log,
        catalogue=config.catalogue if config.HasField("catalogue") else None,
        filters=config.filters,
        split=config.split,
        context_length=_context_length(spec),
        range_config=span_range.of(config.log, span),
    )
    examples = example_gen.outputs["examples"]
    statistics_gen = tfx.components.StatisticsGen(
        examples=examples,
        # Counting every key exactly takes twice as long as all the rest.
        stats_options=tfdv.StatsOptions(
            experimental_use_sketch_based_topk_uniques=True
        ),
    )
    statistics = statistics_gen.outputs["statistics"]
    schema_gen = _schema_gen(config, statistics)
    schema = schema_gen.outputs["schema"]
    previous = _previous(config, statistics, earlier_statistics)
    validator = TimelineValidator(
        statistics=statistics,
        schema=schema,
        previous_statistics=previous and previous.outputs["statistics"],
    )
    base = _base(config, examples, earlier_model)
    base_model = base and base.outputs["model"]
    transform = SequenceTransform(
        examples=examples,
        schema=schema,
        input_spec=spec,
        min_vocab_count=config.min_vocab_count,
        base_model=base_model,
    )
    timelines = transform.outputs["transformed_examples"]
    tuner = _tuner(config, transform)
    trainer = RecommendationTrainer(
        examples=timelines,
        transform_graph=transform.outputs["transform_graph"],
        input_spec=spec,
        hparams=config.hparams,
        training=config.training,
        hyperparameters=tuner and tuner.outputs["best_hyperparameters"],
        base_model=base_model,
    )
    model = trainer.outputs["model"]
    blessed = earlier_model(model, latest_blessed.COMPARED)
    evaluator = TopKEvaluator(
        examples=timelines,
        model=model,
        baseline_model=blessed.outputs["model"],
        evaluation=config.evaluation,
        input_spec=spec,
        anomalies=validator.outputs["anomalies"],
    )
    pusher = TFLitePusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        evaluation=evaluator.outputs["evaluation"],
        examples=timelines,
        catalogue=example_gen.outputs["catalogue"],
        serving=config.serving,
        push_dir=config.serving.push_dir or push_dir,
    )
    return tfx.dsl.Pipeline(
        pipeline_name=config.pipeline_name,
        pipeline_root=pipeline_root,
        components=[
            example_gen,
            statistics_gen,
            schema_gen,
            *([previous] if previous else []),
            validator,
            *([base] if base else []),
            transform,
            *([tuner] if tuner else []),
            trainer,
            # Where there are no resolvers, both are one node.
            *([blessed] if blessed is not base else []),
            evaluator,
            pusher,
        ],
        enable_cache=True,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=list(beam_pipeline_args),
    )


def _previous(
    config: pipeline_config_pb2.PipelineConfig,
    statistics: tfx.types.BaseChannel,
    earlier_statistics: EarlierStatistics | None,
) -> BaseNode | None:
    """Finds the span that the newest is compared with."""
    if earlier_statistics is None or not log_spans.has_spans(config.log.path):
        return None
    return earlier_statistics(statistics)


def _base(
    config: pipeline_config_pb2.PipelineConfig,
    examples: tfx.types.BaseChannel,
    earlier_model: EarlierModel,
) -> BaseNode | None:
    """Finds the model that the training starts from."""
    if config.training.warm_start != pipeline_config_pb2.LATEST_BLESSED:
        return None
    # Not before the new model, as for the comparison: a run that is repeated starts
    # from the same model as before, and comes from the cache.
    return earlier_model(examples, latest_blessed.BASE)


def _schema_gen(
    config: pipeline_config_pb2.PipelineConfig, statistics: tfx.types.BaseChannel
) -> BaseComponent:
    if config.HasField("schema"):
        return tfx.components.ImportSchemaGen(schema_file=config.schema)
    # Timelines differ in length: a shape seen by chance must not become a rule.
    return tfx.components.SchemaGen(statistics=statistics, infer_feature_shape=False)


def _tuner(
    config: pipeline_config_pb2.PipelineConfig, transform: SequenceTransform
) -> tfx.components.Tuner | None:
    if not config.HasField("tuning"):
        return None
    return settings_tuner(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        input_spec=config.input_spec,
        hparams=config.hparams,
        training=config.training,
        asked=config.tuning,
    )


def _context_length(spec: input_spec_pb2.InputSpec) -> int:
    """Number of events that a window may reach back."""
    return max(
        feature.feature_length
        for group in spec.activity_feature_groups
        for feature in group.features
    )
