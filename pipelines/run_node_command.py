"""`ondevice-rec run-node`: what an orchestrator's task calls."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from ondevice_rec.pipelines import compiled_pipeline, load_config
from ondevice_rec.schemas.errors import UserError

# Orchestrators set it more easily than an option that may be left out.
SPAN = "ONDEVICE_REC_SPAN"


def add(
    commands: argparse._SubParsersAction,
    function: Callable[[argparse.Namespace], int],
) -> None:
    """Adds the command.

    Args:
      commands: Where to.
      function: What to call with the parsed arguments.
    """
    parser = commands.add_parser(
        "run-node",
        help="run one node of a compiled pipeline",
        description="Runs one node of a pipeline that `compile --target airflow` "
        "wrote. A node that has ended in this run is not run again; one that was "
        "killed starts anew.",
    )
    parser.add_argument("ir", metavar="PIPELINE.ir.json")
    parser.add_argument("node", metavar="NODE")
    parser.add_argument(
        "--run",
        metavar="NAME",
        required=True,
        help="the run that the node belongs to; the same for all of its nodes",
    )
    parser.add_argument(
        "--span",
        metavar="N",
        default=os.environ.get(SPAN, ""),
        help=f"span of the data to read (default: ${SPAN}, or the latest)",
    )
    parser.set_defaults(function=function)


def run(arguments: argparse.Namespace) -> int:
    """Runs the node; see `add` for the arguments.

    Raises:
      UserError: Something that the user can mend stands in the way.
    """
    pipeline = compiled_pipeline.read(arguments.ir)
    nodes = compiled_pipeline.upstream(pipeline)
    if arguments.node not in nodes:
        raise UserError(
            f"{arguments.ir} has no node {arguments.node!r}. Its nodes are "
            f"{', '.join(nodes)}."
        )
    if not arguments.run:
        raise UserError("--run must name a run, received nothing.")
    if arguments.span and not arguments.span.isdecimal():
        raise UserError(
            f"--span (or ${SPAN}) must be a number >= 0, received {arguments.span!r}."
        )
    require_writable(compiled_pipeline.pipeline_root(pipeline))
    load_config.require_tfx("run-node")
    from ondevice_rec.pipelines import run_node

    span = int(arguments.span) if arguments.span else None
    return run_node.run(pipeline, arguments.node, arguments.run, span)


def require_writable(folder: str) -> None:
    """Makes a local folder where it is not there.

    Raises:
      UserError: it cannot be made, or not be written to.
    """
    if "://" in folder:
        return
    try:
        os.makedirs(folder, exist_ok=True)
        problem = "" if os.access(folder, os.W_OK | os.X_OK) else "no permission"
    except OSError as error:
        problem = str(error.strerror)
    if problem:
        raise UserError(
            f"{folder}: this user ({_user()}) cannot write there: {problem}. Give it "
            "the right to, or compile with another --root, and run the node again."
        )


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
