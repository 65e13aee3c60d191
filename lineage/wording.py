"""Numbers, times and missing values as people read them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from ondevice_rec.lineage.graph import Value

NOT_RECORDED = "not recorded"


def moment(milliseconds: int) -> str:
    """A time in UTC, to the second."""
    seconds = milliseconds // 1000
    when = datetime.datetime.fromtimestamp(seconds, tz=datetime.timezone.utc)
    return when.strftime("%Y-%m-%d %H:%M:%S UTC")


def value(found: Value | bool | None) -> str:
    """A value: counts with separators, fractions to four significant digits."""
    if found is None:
        return NOT_RECORDED
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, int):
        return f"{found:,}"
    if isinstance(found, float):
        return f"{found:.4g}" if abs(found) < 10_000 else f"{found:,.0f}"
    return " ".join(found.split())


def text_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Rows under a header, in columns two blanks apart."""
    lines = [header, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
