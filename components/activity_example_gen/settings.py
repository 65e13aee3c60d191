"""Checks what the component was given, before anything runs."""

from __future__ import annotations

from collections import Counter

from ondevice_rec.schemas import log_files, timeline
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2


def validate(
    log: config_pb2.ActivityLog,
    catalogue: config_pb2.Catalogue | None,
    filters: config_pb2.Filters,
    split: config_pb2.Split,
    context_length: int,
    max_segment_length: int,
) -> None:
    """Checks the parameters of the component, alone and together.

    Raises:
      ValueError: They are impossible; the message names the field and the remedy.
    """
    _source("log", log, ("path", "user", "item", "timestamp"))
    _declared("log", log, log_files.log_columns(log, filters))
    if not 0 <= log.max_rejected_fraction <= 1:
        raise ValueError(
            "`log.max_rejected_fraction` must be between 0 and 1, received "
            f"{log.max_rejected_fraction:g}."
        )
    if catalogue is not None:
        _source("catalogue", catalogue, ("path", "item"))
        columns = log_files.catalogue_columns(catalogue)
        _declared("catalogue", catalogue, columns)
    _feature_names(log, catalogue)
    _filters(filters)
    _split(split)
    if context_length < 1:
        raise ValueError(
            f"`context_length` must be >= 1, received {context_length}. It is the "
            "largest `feature_length` of the input spec."
        )
    if max_segment_length <= context_length:
        raise ValueError(
            f"`max_segment_length` must be greater than `context_length` "
            f"{context_length}, received {max_segment_length}."
        )


def _source(
    name: str,
    source: config_pb2.ActivityLog | config_pb2.Catalogue,
    required: tuple[str, ...],
) -> None:
    for field in required:
        if not getattr(source, field):
            raise ValueError(f"`{name}.{field}` is not set.")
    delimiter = source.delimiter
    if source.HasField("delimiter") and (
        len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n\0'
    ):
        raise ValueError(
            f"`{name}.delimiter` must be one ASCII character other than a quote or a "
            f"line end, received {delimiter!r}. For files with `::` set `format` to "
            "MOVIELENS."
        )
    if source.format == config_pb2.MOVIELENS and source.HasField("delimiter"):
        raise ValueError(
            f"`{name}.delimiter` has no meaning with the format MOVIELENS, whose "
            "delimiter is `::`. Remove it."
        )


def _declared(
    name: str, source: config_pb2.ActivityLog | config_pb2.Catalogue, used: list[str]
) -> None:
    declared = log_files.column_names(source, source.format)
    repeated = [column for column, count in Counter(declared).items() if count > 1]
    if repeated:
        raise ValueError(f"`{name}.column_names` repeats `{repeated[0]}`.")
    for column in used if declared else ():
        if column not in declared:
            raise ValueError(
                f"`{name}` uses the column `{column}`, but its files have "
                + ", ".join(f"`{c}`" for c in declared)
                + ". Correct the name or `column_names`."
            )


def _feature_names(
    log: config_pb2.ActivityLog, catalogue: config_pb2.Catalogue | None
) -> None:
    features = [("log.features", source) for source in log.features]
    features += [("log.user_features", source) for source in log.user_features]
    if catalogue is not None:
        features += [("catalogue.features", source) for source in catalogue.features]
    taken = dict.fromkeys(timeline.RESERVED, "the timelines")
    for place, source in features:
        if source.HasField("separator") and not source.separator:
            raise ValueError(
                f"`separator` of the column `{source.column}` in `{place}` is empty. "
                'Set it, e.g. to "|", or leave it out for single values.'
            )
        names = [source.column]
        if source.HasField("separator"):
            names.append(source.column + timeline.LENGTHS_SUFFIX)
        for name in names:
            if not name:
                raise ValueError(f"A column in `{place}` has no name.")
            if name in taken:
                raise ValueError(
                    f"`{place}` would make a timeline column `{name}`, a name that "
                    f"{taken[name]} already use. Rename the column in the data."
                )
            taken[name] = f"`{place}`"


def _filters(filters: config_pb2.Filters) -> None:
    if filters.HasField("min_rating") and not filters.rating:
        raise ValueError(
            "`filters.min_rating` needs `filters.rating`, the column to compare."
        )
    if filters.rating and not filters.HasField("min_rating"):
        raise ValueError(
            "`filters.rating` has no effect without `filters.min_rating`. Set both or "
            "none."
        )
    for field in ("min_item_count", "min_timeline"):
        if getattr(filters, field) < 1:
            raise ValueError(
                f"`filters.{field}` must be >= 1, received {getattr(filters, field)}."
            )
    if filters.HasField("max_timeline") and filters.max_timeline < max(
        filters.min_timeline, 2
    ):
        raise ValueError(
            "`filters.max_timeline` must be at least 2 and `filters.min_timeline`, "
            f"received {filters.max_timeline}."
        )


def _split(split: config_pb2.Split) -> None:
    strategy = config_pb2.Split.Strategy.Name(split.strategy)
    given = split.HasField("validation_from"), split.HasField("test_from")
    if any(given) and split.strategy != config_pb2.Split.GLOBAL_TIME:
        raise ValueError(
            "`split.validation_from` and `split.test_from` are for the strategy "
            f"GLOBAL_TIME, received {strategy}."
        )
    if any(given) and not all(given):
        raise ValueError(
            "`split.validation_from` and `split.test_from` go together: set both, or "
            "none and the fractions."
        )
    for field in ("validation_fraction", "test_fraction"):
        if not 0 <= getattr(split, field) < 1:
            raise ValueError(
                f"`split.{field}` must be at least 0 and below 1, received "
                f"{getattr(split, field):g}."
            )
    if split.validation_fraction + split.test_fraction >= 1:
        raise ValueError(
            "`split.validation_fraction` and `split.test_fraction` leave nothing to "
            f"learn from: {split.validation_fraction:g} + {split.test_fraction:g}."
        )
