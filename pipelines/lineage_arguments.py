"""Arguments of `ondevice-rec lineage`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

FORMATS = ("tree", "table", "json", "mermaid", "dot", "openlineage")

ROOT = (
    "a run's folder (--root of `run`), a SQLite file of ML Metadata, or "
    "mysql://USER:PASSWORD@HOST:PORT/DATABASE, postgresql://..."
)
_MODEL = "a version, a sha256 (or its first 8 digits and more) or a .tflite file"


def add(
    commands: argparse._SubParsersAction,
    function: Callable[[argparse.Namespace], int],
) -> None:
    """Adds the command.

    Args:
      commands: Where to.
      function: What to call with the parsed arguments; `arguments.question` says
        which of the subcommands was asked.
    """
    parser = commands.add_parser(
        "lineage",
        help="say where a pushed model came from",
        description="Answers from ML Metadata: which rows, code and settings made a "
        "model, what changed since another, what was made from some data. The store "
        "is only read.",
    )
    questions = parser.add_subparsers(
        dest="question", required=True, metavar="QUESTION"
    )
    _add_trace(questions)
    _add_diff(questions)
    _add_impact(questions)
    _add_runs(questions)
    _add_verify(questions)
    parser.set_defaults(function=function)


def _add_trace(questions: argparse._SubParsersAction) -> None:
    parser = _question(
        questions,
        "trace",
        "from a pushed model back to every input",
        "Follows a pushed model back to every input span, with schema, vocabularies, "
        "parameters, code, metrics, blessing, and who made it when.",
    )
    parser.add_argument(
        "--model", metavar="MODEL", help=f"{_MODEL} (default: the latest version)"
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="tree",
        help="tree (default), table, json; mermaid or dot: the graph; openlineage: "
        "run events, a line each",
    )


def _add_diff(questions: argparse._SubParsersAction) -> None:
    parser = _question(
        questions,
        "diff",
        "what changed between two models",
        "Compares data spans, row counts, schema, vocabularies, parameters, code and "
        "metrics (per slice too) of two pushed models.",
    )
    parser.add_argument("before", metavar="A", help=_MODEL)
    parser.add_argument("after", metavar="B", help="another one")
    _add_json(parser)


def _add_impact(questions: argparse._SubParsersAction) -> None:
    parser = _question(
        questions,
        "impact",
        "everything made from some data",
        "Lists everything downstream of a data span or an execution, up to the pushed "
        "versions and whether they are still current.",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--span", metavar="N", type=int, help="a span of the input data")
    which.add_argument(
        "--execution", metavar="ID", type=int, help="an execution in ML Metadata"
    )
    _add_json(parser)


def _add_runs(questions: argparse._SubParsersAction) -> None:
    parser = _question(
        questions,
        "runs",
        "the history, with state, time and metrics",
        "Lists the runs of a store, latest first.",
    )
    parser.add_argument(
        "--limit",
        metavar="N",
        type=int,
        default=20,
        help="how many runs (default: 20; 0: all)",
    )
    _add_json(parser)


def _add_verify(questions: argparse._SubParsersAction) -> None:
    parser = _question(
        questions,
        "verify",
        "name artifacts that were altered or are missing",
        "Recomputes the digests of artifacts and pushed versions on disk and compares "
        "them with the store. Exits with 1 where something is altered or missing.",
    )
    _add_json(parser)


def _question(
    questions: argparse._SubParsersAction, name: str, summary: str, description: str
) -> argparse.ArgumentParser:
    parser = questions.add_parser(name, help=summary, description=description)
    parser.add_argument("root", metavar="ROOT", help=ROOT)
    return parser


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
