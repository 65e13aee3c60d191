"""Eight runs of a small pipeline at once, on one store: a program of its own.

    python eight_runs.py ROOT [URL]

TFX is loaded once; every run is a process forked from there.
"""

# No `from __future__ import annotations`: TFX reads the signatures below.
import multiprocessing
import sys
import traceback

from tfx import v1 as tfx
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Schema

from ondevice_rec.pipelines import local_runner, metadata_store, run_place

RUNS = 8


@component
def number_gen(
    number: Parameter[int],
) -> tfx.dsl.components.OutputDict(value=int):
    """Gives a number."""
    return {"value": number}


@component
def number_keeper(value: int, kept: OutputArtifact[Schema]) -> None:
    """Notes a number on an artifact."""
    kept.set_int_custom_property("value", value)


class Nobody:
    def started(self, node_id: str) -> None:
        pass

    def finished(self, node_id: str) -> None:
        pass

    def failed(self, node_id: str) -> None:
        pass


def run(number: int, root: str, url: str | None) -> None:
    try:
        connection = run_place.Place(url).connection(root)
        metadata_store.require_reachable(connection)
        first = number_gen(number=number)
        second = number_keeper(value=first.outputs["value"])
        local_runner.LocalRunner(Nobody(), f"run-{number}").run(
            tfx.dsl.Pipeline(
                pipeline_name="eight",
                pipeline_root=f"{root}/artifacts",
                components=[first, second],
                metadata_connection_config=connection,
            )
        )
    except BaseException:
        traceback.print_exc()
        sys.exit(1)


def main() -> None:
    root, url = sys.argv[1], (sys.argv[2:] or [None])[0]
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=run, args=(n, root, url)) for n in range(RUNS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.stdout.write(f"{[process.exitcode for process in processes]}\n")
    sys.exit(any(process.exitcode for process in processes))


if __name__ == "__main__":
    main()
