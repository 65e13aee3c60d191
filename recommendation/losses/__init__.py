"""Training losses, by the configuration's `loss`."""

from __future__ import annotations

from ondevice_rec.recommendation.losses.batch_softmax import BatchSoftmax
from ondevice_rec.recommendation.losses.gbce import Gbce
from ondevice_rec.recommendation.losses.global_softmax import GlobalSoftmax
from ondevice_rec.recommendation.losses.loss import Loss
from ondevice_rec.recommendation.losses.sampled_softmax import SampledSoftmax
from ondevice_rec.schemas import pipeline_config_pb2

LOSSES: dict[int, type[Loss]] = {
    pipeline_config_pb2.GLOBAL_SOFTMAX: GlobalSoftmax,
    pipeline_config_pb2.BATCH_SOFTMAX: BatchSoftmax,
    pipeline_config_pb2.SAMPLED_SOFTMAX: SampledSoftmax,
    pipeline_config_pb2.GBCE: Gbce,
}
