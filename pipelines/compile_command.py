"""`ondevice-rec compile`: the pipeline of a configuration for an orchestrator."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from ondevice_rec.pipelines import (
    airflow_arguments,
    kubeflow_arguments,
    load_config,
)
from ondevice_rec.schemas import pipeline_config_pb2
from ondevice_rec.schemas.errors import UserError

Config = pipeline_config_pb2.PipelineConfig

# By target: what adds its own options to the parser.
_OPTIONS: dict[str, Callable[[argparse._ActionsContainer], None]] = {
    "airflow": airflow_arguments.add,
    "kubeflow": kubeflow_arguments.add,
}


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
        "compile",
        help="write the pipeline for Airflow or Kubeflow Pipelines",
        description="Writes the pipeline of a configuration for an orchestrator: the "
        "same components, in the same order, as `run` has.",
    )
    parser.add_argument("config", metavar="CONFIG.yaml")
    parser.add_argument(
        "--target", choices=tuple(_OPTIONS), required=True, help="the orchestrator"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        required=True,
        help="folder to write to; made where it is not there",
    )
    parser.add_argument(
        "--root",
        metavar="DIR",
        help="folder of artifacts and pushed versions, as the nodes see it (default: "
        "runs/PIPELINE_NAME for airflow; for kubeflow it must be given)",
    )
    parser.add_argument(
        "--retries",
        metavar="N",
        type=int,
        default=2,
        help="how often a node that failed is tried again (default: %(default)s)",
    )
    for target, add_options in _OPTIONS.items():
        add_options(parser.add_argument_group(f"with --target {target}"))
    parser.set_defaults(function=function)


def run(arguments: argparse.Namespace) -> int:
    """Compiles; see `add` for the arguments.

    Raises:
      UserError: Something in the configuration or the arguments cannot be used.
    """
    _refuse_other_targets(arguments)
    if arguments.retries < 0:
        raise UserError(f"--retries must be >= 0, received {arguments.retries}.")
    config = load_config.load(arguments.config)
    return {"airflow": _airflow, "kubeflow": _kubeflow}[arguments.target](
        config, arguments
    )


def _airflow(config: Config, arguments: argparse.Namespace) -> int:
    from ondevice_rec.pipelines import airflow_compiler, run_place

    place = run_place.place_of(arguments)
    schedule = airflow_compiler.Schedule(
        when=arguments.schedule,
        start=arguments.start,
        catchup=arguments.catchup,
        first_span=arguments.first_span,
        max_active_runs=arguments.max_active_runs,
        retries=arguments.retries,
        retry_delay=arguments.retry_delay,
        timeout=arguments.timeout,
    )
    root = arguments.root or f"runs/{config.pipeline_name}"
    load_config.require_tfx("compile")
    print(airflow_compiler.write(config, arguments.output, root, place, schedule))
    return 0


def _kubeflow(config: Config, arguments: argparse.Namespace) -> int:
    from ondevice_rec.pipelines import kubeflow_compiler, kubeflow_settings

    settings = kubeflow_settings.parse(arguments)
    load_config.require_tfx("compile")
    print(kubeflow_compiler.write(config, arguments.output, settings))
    return 0


def _refuse_other_targets(arguments: argparse.Namespace) -> None:
    """Raises a UserError for an option of a target that was not asked for."""
    for target, add_options in _OPTIONS.items():
        if target == arguments.target:
            continue
        alone = argparse.ArgumentParser(add_help=False)
        add_options(alone)
        for action in alone._actions:
            if getattr(arguments, action.dest) != action.default:
                raise UserError(
                    f"{action.option_strings[0]} is an option of --target {target}, "
                    f"received --target {arguments.target}. Leave it out."
                )
