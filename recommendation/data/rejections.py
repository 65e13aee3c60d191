"""Rows that cannot be used: counted, said, and refused when they are many."""

from __future__ import annotations

import logging
from collections import Counter

from ondevice_rec.schemas.errors import UserError

logger = logging.getLogger("ondevice_rec.data")


class Rejections:
    """Counts rows by the reason for which they cannot be used.

    Args:
      what: What the rows are of, for messages.
      max_fraction: Largest share of them that may be rejected.
    """

    def __init__(self, what: str, max_fraction: float) -> None:
        if not 0 <= max_fraction <= 1:
            raise UserError(
                f"`max_rejected_fraction` must be from 0 to 1, received {max_fraction}."
            )
        self._what = what
        self._max_fraction = max_fraction
        self._rows = 0
        self.counts: Counter[str] = Counter()

    def saw(self, rows: int) -> None:
        """Counts rows, good and bad."""
        self._rows += rows

    def add(self, reason: str, rows: int) -> None:
        """Counts rows that cannot be used; each belongs to one reason."""
        if rows:
            self.counts[reason] += rows

    def check(self) -> None:
        """Says what was rejected.

        Raises:
          UserError: it is more than `max_fraction`.
        """
        total = self.counts.total()
        if not total:
            return
        reasons = ", ".join(
            f"{count} ({reason})" for reason, count in self.counts.most_common()
        )
        said = f"{total} of {self._rows} rows of {self._what} cannot be used: {reasons}"
        if total > self._max_fraction * self._rows:
            raise UserError(
                f"{said}. That is more than {self._max_fraction:.1%} of them. Mend the "
                "data, or name its columns and their types as they are."
            )
        logger.warning("%s; they are left out", said)
