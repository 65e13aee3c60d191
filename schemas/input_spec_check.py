"""Whether an input spec and hyper-parameters make a model, without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from ondevice_rec.schemas import input_spec_pb2, timeline
from ondevice_rec.schemas.errors import UserError

_PREFIXES = ("context_", "label_")

# Encoders whose state after an event depends on it and earlier ones only.
CAUSAL_ENCODERS = (
    input_spec_pb2.TRANSFORMER,
    input_spec_pb2.GRU,
    input_spec_pb2.STATE_SPACE,
)
# Sizes that must be at least 1, by encoder.
_CAUSAL_SIZES = {
    input_spec_pb2.TRANSFORMER: (
        "transformer_num_blocks",
        "transformer_num_heads",
        "transformer_feed_forward_ratio",
    ),
    input_spec_pb2.GRU: ("gru_num_units",),
    input_spec_pb2.STATE_SPACE: (
        "state_space_num_blocks",
        "state_space_num_heads",
        "state_space_conv_kernel_size",
        "state_space_feed_forward_ratio",
    ),
}
_HEADS = {
    input_spec_pb2.TRANSFORMER: "transformer_num_heads",
    input_spec_pb2.STATE_SPACE: "state_space_num_heads",
}


class HParams(Protocol):
    """What is checked of the hyper-parameters: the proto's or `ModelHParams`."""

    @property
    def hidden_layer_dims(self) -> Sequence[int]: ...
    @property
    def conv_num_filter_ratios(self) -> Sequence[int]: ...
    @property
    def conv_kernel_size(self) -> int: ...
    @property
    def lstm_num_units(self) -> int: ...
    @property
    def num_predictions(self) -> int: ...
    @property
    def gru_num_units(self) -> int: ...
    @property
    def transformer_num_blocks(self) -> int: ...
    @property
    def transformer_num_heads(self) -> int: ...
    @property
    def transformer_feed_forward_ratio(self) -> int: ...
    @property
    def state_space_num_blocks(self) -> int: ...
    @property
    def state_space_num_heads(self) -> int: ...
    @property
    def state_space_conv_kernel_size(self) -> int: ...
    @property
    def state_space_feed_forward_ratio(self) -> int: ...
    @property
    def tie_embeddings(self) -> bool: ...
    @property
    def exclude_seen(self) -> bool: ...


def source_column(feature: input_spec_pb2.Feature) -> str:
    """Timeline column a feature's values come from.

    It is `column` or, left out, `feature_name` without "context_" or "label_".
    """
    if feature.column:
        return feature.column
    for prefix in _PREFIXES:
        if feature.feature_name.startswith(prefix):
            return feature.feature_name[len(prefix) :]
    return feature.feature_name


def is_embedded(feature: input_spec_pb2.Feature) -> bool:
    """Whether the values are ids of a vocabulary (STRING, INT) or numbers (FLOAT)."""
    return feature.feature_type != input_spec_pb2.FLOAT


def groups(input_spec: input_spec_pb2.InputSpec) -> list[input_spec_pb2.FeatureGroup]:
    """The feature groups, global ones first, as the model concatenates them."""
    return [*input_spec.global_feature_groups, *input_spec.activity_feature_groups]


def context_features(
    input_spec: input_spec_pb2.InputSpec,
) -> list[input_spec_pb2.Feature]:
    """The model's inputs: the features of all groups."""
    return [feature for group in groups(input_spec) for feature in group.features]


def group_dim(group: input_spec_pb2.FeatureGroup) -> int:
    """Dimension of the group's features, embedded and concatenated."""
    return sum(f.embedding_dim if is_embedded(f) else 1 for f in group.features)


def trains_on_timelines(input_spec: input_spec_pb2.InputSpec) -> bool:
    """Whether the model can learn from all events of a timeline at once.

    It can when the state after each event depends on the events up to it only, in every
    activity group, and the groups go over the same events.
    """
    activity = input_spec.activity_feature_groups
    return (
        len(activity) > 0
        and all(group.encoder_type in CAUSAL_ENCODERS for group in activity)
        and len({group.features[0].feature_length for group in activity}) == 1
    )


def has_label_column(
    feature: input_spec_pb2.Feature, input_spec: input_spec_pb2.InputSpec
) -> bool:
    """Whether a context feature has the items' ids."""
    label = input_spec.label_feature
    return is_embedded(feature) and source_column(feature) == source_column(label)


def vocabulary_caps(input_spec: input_spec_pb2.InputSpec) -> dict[str, int | None]:
    """Columns that need a vocabulary, with its cap.

    Returns:
      Largest number of ids, id 0 included, by column; None where nothing limits it.

    Raises:
      UserError: two features of one column give different caps.
    """
    caps: dict[str, int | None] = {}
    for feature in [*context_features(input_spec), input_spec.label_feature]:
        if not is_embedded(feature):
            continue
        column = source_column(feature)
        cap = feature.vocab_size if feature.HasField("vocab_size") else None
        known = caps.setdefault(column, cap)
        if known is not None and cap is not None and known != cap:
            raise UserError(
                f"Features of column `{column}` share one vocabulary, received "
                f"`vocab_size` {known} and {cap}. Set the same in `input_spec`."
            )
        caps[column] = cap if known is None else known
    return caps


def validate(
    input_spec: input_spec_pb2.InputSpec,
    hparams: HParams,
    *,
    vocabularies_known: bool = False,
) -> None:
    """Checks that a model can be built.

    Args:
      input_spec: What the model reads and predicts.
      hparams: The model's size.
      vocabularies_known: Every `vocab_size` must be set, as it is once the
        vocabularies are learnt; until then it is a cap and may be left out.

    Raises:
      UserError: something is missing or contradictory. The message names the field,
        what was received and the remedy.
    """
    _check_label(input_spec)
    if not groups(input_spec):
        raise UserError(
            "`input_spec` must have a feature group, received none. Add one to "
            "`activity_feature_groups`."
        )
    names = [feature.feature_name for feature in context_features(input_spec)]
    names.append(input_spec.label_feature.feature_name)
    for name in names:
        if names.count(name) > 1:
            raise UserError(
                f"`feature_name` must be unique, received `{name}` more than once. "
                "Rename one in `input_spec`; `column` may be the same."
            )
    for place, group in _placed_groups(input_spec):
        _check_group(place, group)
        _check_encoder(place, group, hparams)
    for feature in [*context_features(input_spec), input_spec.label_feature]:
        _check_vocab_size(feature, vocabularies_known)
    if not vocabularies_known:
        vocabulary_caps(input_spec)
    _check_sizes(input_spec, hparams)


def _check_label(input_spec: input_spec_pb2.InputSpec) -> None:
    label = input_spec.label_feature
    if not input_spec.HasField("label_feature") or not label.feature_name:
        raise UserError(
            "`label_feature` must name the item to predict, received none. Add "
            f"`label_feature: {{feature_name: label_{timeline.ITEM}, ...}}` to "
            "`input_spec`."
        )
    if not is_embedded(label):
        raise UserError(
            f"`label_feature` `{label.feature_name}` must be INT or STRING, received "
            "FLOAT. Set its `feature_type` in `input_spec`."
        )
    if label.HasField("feature_length") and label.feature_length != 1:
        raise UserError(
            f"`feature_length` of label `{label.feature_name}` must be 1, received "
            f"{label.feature_length}. One item is predicted: leave it out."
        )
    _check_embedding_dim(label)


def _placed_groups(
    input_spec: input_spec_pb2.InputSpec,
) -> Iterator[tuple[str, input_spec_pb2.FeatureGroup]]:
    for field in ("global_feature_groups", "activity_feature_groups"):
        for i, group in enumerate(getattr(input_spec, field)):
            yield f"{field}[{i}]", group


def _check_group(place: str, group: input_spec_pb2.FeatureGroup) -> None:
    if not group.features:
        raise UserError(
            f"`{place}` must have a feature, received none. Add one or remove the "
            "group from `input_spec`."
        )
    for feature in group.features:
        if not feature.feature_name:
            raise UserError(
                f"A feature of `{place}` has no `feature_name`. Set it in `input_spec`."
            )
        if feature.feature_length < 1:
            raise UserError(
                f"`feature_length` of `{feature.feature_name}` must be >= 1, received "
                f"{feature.feature_length}. Set it in `input_spec`."
            )
        if is_embedded(feature):
            _check_embedding_dim(feature)
    lengths = {f.feature_name: f.feature_length for f in group.features}
    if len(set(lengths.values())) > 1:
        raise UserError(
            f"Features of one group must have the same `feature_length`, received "
            f"{lengths} in `{place}`. Set the same, or put them in groups of their own."
        )


def _check_encoder(
    place: str, group: input_spec_pb2.FeatureGroup, hparams: HParams
) -> None:
    length = group.features[0].feature_length
    known = dict(input_spec_pb2.EncoderType.items())
    if group.encoder_type not in known.values():
        raise UserError(
            f"`encoder_type` of `{place}` must be one of {', '.join(known)}, received "
            f"{group.encoder_type}."
        )
    if group.encoder_type == input_spec_pb2.CNN:
        if not hparams.conv_num_filter_ratios:
            raise UserError(
                f"`conv_num_filter_ratios` must not be empty: `{place}` has a CNN "
                "encoder. Set it in `hparams`, e.g. to [2, 4]."
            )
        if not 1 <= hparams.conv_kernel_size <= length:
            raise UserError(
                f"`conv_kernel_size` must be from 1 to {length}, the `feature_length` "
                f"of `{place}`, received {hparams.conv_kernel_size}. Set it in "
                "`hparams`."
            )
    if group.encoder_type == input_spec_pb2.LSTM and hparams.lstm_num_units < 1:
        raise UserError(
            f"`lstm_num_units` must be >= 1: `{place}` has an LSTM encoder, received "
            f"{hparams.lstm_num_units}. Set it in `hparams`."
        )
    if group.encoder_type in CAUSAL_ENCODERS:
        _check_causal_encoder(place, group, hparams)


def _check_causal_encoder(
    place: str, group: input_spec_pb2.FeatureGroup, hparams: HParams
) -> None:
    name = input_spec_pb2.EncoderType.Name(group.encoder_type)
    embedded = [feature for feature in group.features if is_embedded(feature)]
    if not embedded:
        raise UserError(
            f"`{place}` has a {name} encoder and FLOAT features only, in which padding "
            "cannot be told from a value. Add an INT or STRING feature to the group, "
            "or use BOW, CNN or LSTM."
        )
    for field in _CAUSAL_SIZES[group.encoder_type]:
        if getattr(hparams, field) < 1:
            raise UserError(
                f"`{field}` must be >= 1: `{place}` has a {name} encoder, received "
                f"{getattr(hparams, field)}. Set it in `hparams`."
            )
    width, heads = group_dim(group), _HEADS.get(group.encoder_type)
    if heads and width % getattr(hparams, heads):
        raise UserError(
            f"`{heads}` must divide {width}, the dimension of the features of "
            f"`{place}` together, received {getattr(hparams, heads)}. Set it in "
            "`hparams`, or another `embedding_dim` in `input_spec`."
        )


def _check_embedding_dim(feature: input_spec_pb2.Feature) -> None:
    if feature.embedding_dim < 1:
        raise UserError(
            f"`embedding_dim` of `{feature.feature_name}` must be >= 1, received "
            f"{feature.embedding_dim}. Set it in `input_spec`."
        )


def _check_vocab_size(feature: input_spec_pb2.Feature, known: bool) -> None:
    if not is_embedded(feature):
        return
    if (known or feature.HasField("vocab_size")) and feature.vocab_size < 2:
        raise UserError(
            f"`vocab_size` of `{feature.feature_name}` must be >= 2 (id 0 is padding "
            f"and out-of-vocabulary), received {feature.vocab_size}. Set it in "
            "`input_spec`, or let the vocabulary decide it."
        )


def _check_sizes(input_spec: input_spec_pb2.InputSpec, hparams: HParams) -> None:
    for field in ("hidden_layer_dims", "conv_num_filter_ratios"):
        for size in getattr(hparams, field):
            if size < 1:
                raise UserError(
                    f"`{field}` must all be >= 1, received {size}. Set them in "
                    "`hparams`."
                )
    if hparams.num_predictions < 1:
        raise UserError(
            f"`num_predictions` must be >= 1, received {hparams.num_predictions}. Set "
            "it in `hparams`."
        )
    if hparams.tie_embeddings:
        _check_tied(input_spec)
    if hparams.exclude_seen:
        _check_seen(input_spec)
    label = input_spec.label_feature
    if label.HasField("vocab_size") and hparams.num_predictions > label.vocab_size - 1:
        raise UserError(
            f"`num_predictions` must be <= {label.vocab_size - 1}, the number of items "
            f"in the vocabulary, received {hparams.num_predictions}. Set it in "
            "`hparams`."
        )


def _check_seen(input_spec: input_spec_pb2.InputSpec) -> None:
    activity = [f for g in input_spec.activity_feature_groups for f in g.features]
    if not any(has_label_column(feature, input_spec) for feature in activity):
        raise UserError(
            "`exclude_seen` needs an activity feature of the label's column "
            f"`{source_column(input_spec.label_feature)}`, received none. Add one to "
            "`input_spec`, or leave `exclude_seen` out of `hparams`."
        )


def _check_tied(input_spec: input_spec_pb2.InputSpec) -> None:
    label = input_spec.label_feature
    tied = [f for f in context_features(input_spec) if has_label_column(f, input_spec)]
    if not tied:
        raise UserError(
            "`tie_embeddings` needs a context feature of the label's column "
            f"`{source_column(label)}`, received none. Add one to `input_spec`, or "
            "leave `tie_embeddings` out of `hparams`."
        )
    for feature in tied:
        for field in ("embedding_dim", "vocab_size"):
            if getattr(feature, field) != getattr(label, field):
                raise UserError(
                    f"With `tie_embeddings`, `{field}` of `{feature.feature_name}` "
                    f"must be that of the label, {getattr(label, field)}, received "
                    f"{getattr(feature, field)}. Set the same in `input_spec`."
                )
