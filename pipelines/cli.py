"""The command `ondevice-rec`.

Nothing heavy is imported before a command has all it needs: help and a user's error
answer at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from ondevice_rec.lineage.errors import LineageError
from ondevice_rec.pipelines import (
    compile_command,
    lineage_arguments,
    run_node_command,
    run_place,
)
from ondevice_rec.schemas import presets
from ondevice_rec.schemas.errors import UserError, find


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
      argv: Arguments after the command's name; left out: the process's.

    Returns:
      The exit code: 0, or 1 for a failure, 2 for an error the user can mend.
    """
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.function(arguments))
    except (UserError, LineageError) as error:
        print(f"ondevice-rec: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("ondevice-rec: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Who reads, `head` for one, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ondevice-rec",
        description="From a log of user activity to a recommender on the device.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_init(commands)
    _add_run(commands)
    compile_command.add(commands, _compile)
    run_node_command.add(commands, _run_node)
    _add_recommend(commands)
    _add_rollback(commands)
    _add_demo(commands)
    lineage_arguments.add(commands, _lineage)
    _add_report(commands)
    _add_ui(commands)
    return parser


def _add_init(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "init",
        help="write a commented configuration for a log",
        description="Writes a starting configuration from a log's header and first "
        "rows. Columns it cannot tell by their names can be given.",
    )
    parser.add_argument("log", metavar="LOG", help="the log: CSV (.gz) or Parquet")
    parser.add_argument(
        "-o",
        "--output",
        metavar="CONFIG",
        help="file to write (default: to standard output)",
    )
    for column in ("user", "item", "timestamp"):
        parser.add_argument(
            f"--{column}", metavar="COLUMN", help=f"the {column} column"
        )
    parser.add_argument(
        "--preset",
        metavar="NAME",
        default=presets.DEFAULT,
        help="what follows the log in CONFIG: model, training and so on as measured "
        f"best for some data: {', '.join(presets.names())} (default: %(default)s)",
    )
    parser.add_argument(
        "--force", action="store_true", help="overwrite an existing CONFIG"
    )
    parser.set_defaults(function=_init)


def _add_run(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "run",
        help="run the pipeline on this machine",
        description="Runs the pipeline from the log to a pushed model. Components "
        "whose inputs have not changed are taken from the cache.",
    )
    parser.add_argument("config", metavar="CONFIG.yaml")
    parser.add_argument(
        "--root",
        metavar="DIR",
        help="folder of artifacts, metadata and pushed versions (default: "
        "runs/PIPELINE_NAME)",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="show what the libraries log"
    )
    spans = parser.add_mutually_exclusive_group()
    spans.add_argument(
        "--span",
        metavar="N",
        type=int,
        help="the last span to read, of a log with {SPAN} or a date in its path "
        "(default: the latest there is)",
    )
    spans.add_argument(
        "--watch",
        metavar="DIR",
        nargs="?",
        const="",
        help="go on until Ctrl-C: run once for every span that arrives, in DIR or, "
        "without it, where the configuration says",
    )
    run_place.add_options(parser)
    parser.set_defaults(function=_run)


def _add_recommend(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "recommend",
        help="recommend items with a pushed model",
        description="Recommends what comes next, computed by the pushed model.tflite.",
    )
    parser.add_argument(
        "serving_dir", metavar="SERVING_DIR", help="a push folder, or one version in it"
    )
    parser.add_argument(
        "--history",
        metavar="KEY,KEY,...",
        required=True,
        help="keys of the user's items, oldest first",
    )
    parser.add_argument(
        "--top", metavar="N", type=int, help="how many (default: all the model gives)"
    )
    parser.add_argument(
        "--exclude-seen", action="store_true", help="leave out items of the history"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(function=_recommend)


def _add_rollback(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "rollback",
        help="serve an earlier version again",
        description="Makes another version of a push folder the one that is served, "
        "until the next push.",
    )
    parser.add_argument("serving_dir", metavar="SERVING_DIR", help="a push folder")
    parser.add_argument(
        "version",
        metavar="VERSION",
        type=int,
        nargs="?",
        help="version to serve (default: the one before the served one)",
    )
    parser.set_defaults(function=_rollback)


def _add_demo(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "demo",
        help="a web page that recommends by a pushed model",
        description="Serves, to this machine only, a page where items are chosen by "
        "title; the browser computes what comes next from model.tflite.",
    )
    parser.add_argument(
        "serving_dir", metavar="SERVING_DIR", help="a push folder, or one version in it"
    )
    parser.add_argument(
        "--port",
        metavar="PORT",
        type=int,
        default=8765,
        help="port to serve on (default: %(default)s; 0 takes a free one)",
    )
    parser.set_defaults(function=_demo)


def _add_report(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "report",
        help="write the page about a run",
        description="Writes one HTML page about a run: data, training, quality, TFLite "
        "files, recommendations, lineage. `run` writes it by itself. The store is only "
        "read.",
    )
    parser.add_argument("root", metavar="ROOT", help=lineage_arguments.ROOT)
    parser.add_argument(
        "run",
        metavar="RUN",
        nargs="?",
        help="a run's name, as `lineage runs` lists them, or a pushed version "
        "(default: the latest run)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="file to write (default: ROOT/report.html)",
    )
    parser.set_defaults(function=_report)


def _add_ui(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "ui",
        help="browse runs, reports and lineage",
        description="Serves the history of a store, reports, lineage and what changed "
        "between models as web pages, to this machine only unless told otherwise. The "
        "store is only read.",
    )
    parser.add_argument("root", metavar="ROOT", help=lineage_arguments.ROOT)
    parser.add_argument(
        "--port",
        metavar="PORT",
        type=int,
        default=8766,
        help="port to serve on (default: %(default)s; 0 takes a free one)",
    )
    parser.add_argument(
        "--host",
        metavar="HOST",
        default="127.0.0.1",
        help="address to serve on (default: %(default)s); there is no password: "
        "others who reach it see everything",
    )
    parser.set_defaults(function=_ui)


def _init(arguments: argparse.Namespace) -> int:
    from ondevice_rec.pipelines import init_config

    return init_config.init(
        arguments.log,
        arguments.output,
        {
            "user": arguments.user,
            "item": arguments.item,
            "timestamp": arguments.timestamp,
        },
        arguments.preset,
        arguments.force,
    )


def _run(arguments: argparse.Namespace) -> int:
    from ondevice_rec.pipelines import load_config, run, watch
    from ondevice_rec.schemas import log_check

    place = run_place.place_of(arguments)
    config = load_config.load(arguments.config)
    root = arguments.root or f"runs/{config.pipeline_name}"
    if arguments.watch is not None:
        load_config.require_tfx("run --watch")
        return watch.watch(config, root, arguments.watch, arguments.verbose, place)
    log_check.check(config, arguments.span)
    load_config.require_tfx("run")
    return _mendable(
        lambda: run.run(config, root, arguments.verbose, arguments.span, place)
    )


def _compile(arguments: argparse.Namespace) -> int:
    return _mendable(lambda: compile_command.run(arguments))


def _run_node(arguments: argparse.Namespace) -> int:
    return _mendable(lambda: run_node_command.run(arguments))


def _mendable(function: Callable[[], int]) -> int:
    """Calls a function; raises the UserError that its error came from, if any."""
    try:
        return function()
    except Exception as error:
        mendable = find(error)
        if mendable is None:
            raise
        raise mendable from None


def _recommend(arguments: argparse.Namespace) -> int:
    from ondevice_rec.pipelines import recommend

    history = [key.strip() for key in arguments.history.split(",") if key.strip()]
    return recommend.run(
        arguments.serving_dir,
        history,
        arguments.top,
        arguments.json,
        arguments.exclude_seen,
    )


def _rollback(arguments: argparse.Namespace) -> int:
    from ondevice_rec.pipelines import rollback

    return rollback.run(arguments.serving_dir, arguments.version)


def _lineage(arguments: argparse.Namespace) -> int:
    from ondevice_rec.pipelines import lineage_command

    text, code = lineage_command.answer(arguments)
    print(text, flush=True)
    return code


def _report(arguments: argparse.Namespace) -> int:
    from ondevice_rec.pipelines import store_command

    store_command.prepare(arguments.root, "report")
    from ondevice_rec.pipelines.report import write

    print(write.write(arguments.root, arguments.run, arguments.output), flush=True)
    return 0


def _ui(arguments: argparse.Namespace) -> int:
    from ondevice_rec.pipelines import store_command

    store_command.prepare(arguments.root, "ui")
    from ondevice_rec.pipelines.ui import serve

    return serve.run(arguments.root, arguments.host, arguments.port)


def _demo(arguments: argparse.Namespace) -> int:
    from ondevice_rec.pipelines import browser_demo

    return browser_demo.run(arguments.serving_dir, arguments.port)


if __name__ == "__main__":
    sys.exit(main())
