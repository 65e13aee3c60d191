"""Whether a log can be ingested as a configuration says, without reading it."""

from __future__ import annotations

from collections import Counter

from ondevice_rec.schemas import log_files, log_spans, timeline
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2
from ondevice_rec.schemas.errors import UserError


def validate(
    log: config_pb2.ActivityLog,
    catalogue: config_pb2.Catalogue | None,
    filters: config_pb2.Filters,
    split: config_pb2.Split,
) -> None:
    """Checks the settings, alone and together.

    Raises:
      UserError: they are impossible; the message names the field and the remedy.
    """
    _source("log", log, ("path", "user", "item", "timestamp"))
    if len({log.user, log.item, log.timestamp}) < 3:
        raise UserError(
            "`log.user`, `log.item` and `log.timestamp` must be three columns, "
            f"received {log.user!r}, {log.item!r}, {log.timestamp!r}."
        )
    _declared("log", log, log_files.log_columns(log, filters))
    log_spans.check(log.path, log.window if log.HasField("window") else None)
    if not 0 <= log.max_rejected_fraction <= 1:
        raise UserError(
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


def _source(
    name: str,
    source: config_pb2.ActivityLog | config_pb2.Catalogue,
    required: tuple[str, ...],
) -> None:
    for field in required:
        if not getattr(source, field):
            raise UserError(f"`{name}.{field}` is not set.")
    delimiter = source.delimiter
    if source.HasField("delimiter") and (
        len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n\0'
    ):
        raise UserError(
            f"`{name}.delimiter` must be one ASCII character other than a quote or a "
            f"line end, received {delimiter!r}. For files with `::` set `format` to "
            "MOVIELENS."
        )
    if source.format == config_pb2.MOVIELENS and source.HasField("delimiter"):
        raise UserError(
            f"`{name}.delimiter` has no meaning with the format MOVIELENS, whose "
            "delimiter is `::`. Remove it."
        )


def _declared(
    name: str, source: config_pb2.ActivityLog | config_pb2.Catalogue, used: list[str]
) -> None:
    declared = log_files.column_names(source, source.format)
    repeated = [column for column, count in Counter(declared).items() if count > 1]
    if repeated:
        raise UserError(f"`{name}.column_names` repeats `{repeated[0]}`.")
    for column in used if declared else ():
        if column not in declared:
            raise UserError(
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
            raise UserError(
                f"`separator` of the column `{source.column}` in `{place}` is empty. "
                'Set it, e.g. to "|", or leave it out for single values.'
            )
        names = [source.column]
        if source.HasField("separator"):
            names.append(source.column + timeline.LENGTHS_SUFFIX)
        for name in names:
            if not name:
                raise UserError(f"A column in `{place}` has no name.")
            if name in taken:
                raise UserError(
                    f"`{place}` would make a timeline column `{name}`, a name that "
                    f"{taken[name]} already use. Rename the column in the data."
                )
            taken[name] = f"`{place}`"


def _filters(filters: config_pb2.Filters) -> None:
    if filters.HasField("min_rating") and not filters.rating:
        raise UserError(
            "`filters.min_rating` needs `filters.rating`, the column to compare."
        )
    if filters.rating and not filters.HasField("min_rating"):
        raise UserError(
            "`filters.rating` has no effect without `filters.min_rating`. Set both or "
            "none."
        )
    for field in ("min_item_count", "min_timeline"):
        if getattr(filters, field) < 1:
            raise UserError(
                f"`filters.{field}` must be >= 1, received {getattr(filters, field)}."
            )
    if filters.HasField("max_timeline") and filters.max_timeline < max(
        filters.min_timeline, 2
    ):
        raise UserError(
            "`filters.max_timeline` must be at least 2 and `filters.min_timeline`, "
            f"received {filters.max_timeline}."
        )


def _split(split: config_pb2.Split) -> None:
    strategy = config_pb2.Split.Strategy.Name(split.strategy)
    given = split.HasField("validation_from"), split.HasField("test_from")
    fractions = [
        field
        for field in ("validation_fraction", "test_fraction")
        if split.HasField(field)
    ]
    if fractions and (any(given) or split.strategy == config_pb2.Split.LEAVE_LAST_OUT):
        other = "moments" if any(given) else strategy
        raise UserError(
            f"`split.{fractions[0]}` has no meaning with {other}. Remove it."
        )
    if any(given) and split.strategy != config_pb2.Split.GLOBAL_TIME:
        raise UserError(
            "`split.validation_from` and `split.test_from` are for the strategy "
            f"GLOBAL_TIME, received {strategy}."
        )
    if any(given) and not all(given):
        raise UserError(
            "`split.validation_from` and `split.test_from` go together: set both, or "
            "none and the fractions."
        )
    for field in ("validation_fraction", "test_fraction"):
        if not 0 <= getattr(split, field) < 1:
            raise UserError(
                f"`split.{field}` must be at least 0 and below 1, received "
                f"{getattr(split, field):g}."
            )
    if split.validation_fraction + split.test_fraction >= 1:
        raise UserError(
            "`split.validation_fraction` and `split.test_fraction` leave nothing to "
            f"learn from: {split.validation_fraction:g} + {split.test_fraction:g}."
        )
