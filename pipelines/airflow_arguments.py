"""Options of `ondevice-rec compile --target airflow`."""

from __future__ import annotations

import argparse
import datetime

from ondevice_rec.pipelines import run_place


def add(parser: argparse._ActionsContainer) -> None:
    """Adds the options."""
    run_place.add_options(parser)
    parser.add_argument(
        "--schedule",
        metavar="WHEN",
        help="@hourly, @daily, @weekly or a cron expression, in UTC (default: only "
        "when triggered)",
    )
    parser.add_argument(
        "--start",
        metavar="DATE",
        type=datetime.date.fromisoformat,
        help="first day of the schedule, YYYY-MM-DD (default: today)",
    )
    parser.add_argument(
        "--catchup",
        action="store_true",
        help="also run for the periods between --start and today",
    )
    parser.add_argument(
        "--first-span",
        metavar="N",
        type=int,
        help="span of the data of the schedule's first period; later periods have the "
        "spans that follow (default: every run takes the latest span)",
    )
    parser.add_argument(
        "--max-active-runs",
        metavar="N",
        type=int,
        default=1,
        help="runs at once (default: %(default)s)",
    )
    parser.add_argument(
        "--retry-delay",
        metavar="SECONDS",
        type=float,
        default=60,
        help="before a node is tried again (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        help="after which a node is stopped and counts as failed (default: never)",
    )
