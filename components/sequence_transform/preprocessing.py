"""The preprocessing function of SequenceTransform."""

from __future__ import annotations

import re
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import json_format

from ondevice_rec.components.sequence_transform import kept_vocabulary
from ondevice_rec.schemas import input_spec_check, input_spec_pb2, timeline

INPUT_SPEC_KEY = "input_spec"
MIN_VOCAB_COUNT_KEY = "min_vocab_count"
EARLIER_KEY = "earlier"


def preprocessing_fn(
    inputs: dict[str, Any], custom_config: dict[str, Any]
) -> dict[str, tf.SparseTensor]:
    """Turns the keys of a batch of timelines into ids.

    Args:
      inputs: The timelines' features, each of shape [batch, (values)].
      custom_config: `INPUT_SPEC_KEY` holds the InputSpec as a dictionary,
        `MIN_VOCAB_COUNT_KEY` the number of times a key must occur to be kept, and
        `EARLIER_KEY`, if there, by column the keys whose ids are not to change.

    Returns:
      Sparse tensors of shape [batch, (values)]: int64 ids (0: out-of-vocabulary) or
      float32 values for each column of the input spec, and the timeline's own
      `user`, `timestamp`, `target` and `overlap` as they are.
    """
    input_spec = json_format.ParseDict(
        custom_config[INPUT_SPEC_KEY], input_spec_pb2.InputSpec()
    )
    outputs = {
        name: _sparse(inputs[name])
        for name in (
            timeline.USER,
            timeline.TIMESTAMP,
            timeline.TARGET,
            timeline.OVERLAP,
        )
    }
    min_count = custom_config[MIN_VOCAB_COUNT_KEY]
    earlier = custom_config.get(EARLIER_KEY, {})
    vocabulary_caps = input_spec_check.vocabulary_caps(input_spec)
    for column in _columns(input_spec):
        values = _sparse(inputs[column])
        lengths_name = column + timeline.LENGTHS_SUFFIX
        if lengths_name in inputs:
            outputs[lengths_name] = _sparse(inputs[lengths_name])
        if column not in vocabulary_caps:
            outputs[column] = values.with_values(tf.cast(values.values, tf.float32))
            continue
        counted = values.values
        if column == timeline.ITEM:
            counted = _without_overlap(values, outputs[timeline.OVERLAP])
        cap = vocabulary_caps[column]
        # Id 0 belongs to no key.
        top_k = None if cap is None else cap - 1
        name = _scope(column, values.dtype)
        if column in earlier:
            vocabulary = kept_vocabulary.vocabulary(
                counted, column, earlier[column], top_k, min_count, name
            )
        else:
            vocabulary = tft.vocabulary(
                counted,
                top_k=top_k,
                # TFT warns of a threshold that keeps everything.
                frequency_threshold=min_count if min_count > 1 else None,
                vocab_filename=column,
                name=name,
            )
        ids = tft.apply_vocabulary(values, vocabulary, default_value=-1)
        outputs[column] = ids.with_values(ids.values + 1)
    return outputs


def _columns(input_spec: input_spec_pb2.InputSpec) -> list[str]:
    """The columns the model reads, each once; context and label share theirs."""
    features = [
        *input_spec_check.context_features(input_spec),
        input_spec.label_feature,
    ]
    return list(dict.fromkeys(input_spec_check.source_column(f) for f in features))


def _scope(column: str, dtype: tf.DType) -> str:
    """A name scope of the vocabulary's own.

    TensorFlow shares lookup tables of one name within a process: two pipelines, one
    with text and one with numbers for keys, would meet in the same table.
    """
    return "vocabulary_" + re.sub(r"[^A-Za-z0-9]", "_", column) + "_" + dtype.name


def _sparse(values: tf.Tensor | tf.SparseTensor) -> tf.SparseTensor:
    """A schema that fixes a shape gives dense tensors; their zeros are values too."""
    if isinstance(values, tf.SparseTensor):
        return values
    return tf.RaggedTensor.from_tensor(values).to_sparse()


def _without_overlap(values: tf.SparseTensor, overlap: tf.SparseTensor) -> tf.Tensor:
    """Values of the events that no earlier segment of the timeline holds."""
    rows = tf.cast(values.dense_shape[0], tf.int32)
    repeated = tf.math.unsorted_segment_sum(
        overlap.values, tf.cast(overlap.indices[:, 0], tf.int32), rows
    )
    row, position = values.indices[:, 0], values.indices[:, 1]
    return tf.boolean_mask(values.values, position >= tf.gather(repeated, row))
