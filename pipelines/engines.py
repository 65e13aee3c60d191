"""Which engine runs the components' Beam pipelines, and which must not.

The engine is Beam's own choice of runner, by Beam's own arguments: see
`docs/scaling.md`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ondevice_rec.schemas.errors import UserError

LOCAL_BEAM_ARGS = (
    # Beam's own choice downloads a runner binary for every pipeline.
    "--runner=FnApiRunner",
    # TFX packs itself for remote workers, seconds for every pipeline, unless told that
    # they have it. Here nothing is started from an image.
    "--sdk_container_image=none",
)

# By the runner's name as Beam compares them: the last part, without "Runner".
_REFUSED = {
    "dask": "Beam's DaskRunner gives wrong results without an error: outputs with "
    "tags, Partition, Top and writes lose or repeat elements",
    "ray": "ray-beam 0.0.1 of 2022, its only release, does not run with today's Beam",
    "pyspark": "beam-pyspark-runner mixes up outputs with tags, which ingestion "
    "counts rows by",
}
_INSTEAD = (
    "Use --runner=FlinkRunner, SparkRunner or DataflowRunner (docs/scaling.md), or "
    "leave it out to run on this machine."
)
# Any of these tells TFX that the workers have what they need.
_INSTALLED = (
    "--extra_package",
    "--setup_file",
    "--requirements_file",
    "--sdk_container_image",
    "--worker_harness_container_image",
)


def beam_args(given: Sequence[str]) -> tuple[str, ...]:
    """Arguments of the Beam pipelines, completed by what holds on every engine.

    Args:
      given: What the user asks for, such as `--runner=FlinkRunner`; without a runner,
        everything runs in this process.

    Raises:
      UserError: an argument is none, or the runner is known to give wrong results.
    """
    for i, argument in enumerate(given):
        if not argument.startswith("--") and (i == 0 or "=" in given[i - 1]):
            raise UserError(
                f"An argument of Beam begins with --, received {argument!r}. Write it "
                "as --beam-arg=--NAME=VALUE."
            )
    refuse_broken_runners(given)
    if runner_of(given) is None:
        return (*LOCAL_BEAM_ARGS, *given)
    if any(argument.startswith(_INSTALLED) for argument in given):
        return tuple(given)
    return (*given, LOCAL_BEAM_ARGS[1])


def refuse_broken_runners(given: Sequence[str]) -> None:
    """Raises a UserError for a runner that is known to give wrong results.

    Args:
      given: Arguments of a Beam pipeline.
    """
    runner = runner_of(given)
    if runner is None:
        return
    name = runner.rsplit(".", 1)[-1].lower().removesuffix("runner")
    if name in _REFUSED:
        raise UserError(f"--runner={runner}: {_REFUSED[name]}. {_INSTEAD}")


def runner_of(given: Sequence[str]) -> str | None:
    """The runner that arguments of Beam name; None where they name none."""
    found = None
    for i, argument in enumerate(given):
        if argument.startswith("--runner="):
            found = argument.partition("=")[2]
        elif argument == "--runner" and i + 1 < len(given):
            found = given[i + 1]
    return found
