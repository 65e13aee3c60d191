"""A pool of Beam's Python workers that listens to this machine only.

    python -m ondevice_rec.pipelines.beam_workers [--port PORT]

An engine that is given `--environment_type=EXTERNAL --environment_config=HOST:PORT`
asks the pool for workers, processes of this Python, and ends them. Beam's own
`worker_pool_main` does the same, but listens to every network: whoever reaches a pool
makes it run what he likes.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

import grpc
from apache_beam.portability.api import beam_fn_api_pb2_grpc
from apache_beam.runners.worker.worker_pool_main import (
    BeamFnExternalWorkerPoolServicer,
)
from apache_beam.utils import thread_pool_executor

_HOST = "127.0.0.1"


@contextlib.contextmanager
def serve(port: int = 0) -> Iterator[str]:
    """Runs a pool as long as the context lasts; then ends it and its workers.

    Args:
      port: Port of 127.0.0.1; 0 takes a free one.

    Yields:
      Its address, as `--environment_config` takes it.

    Raises:
      OSError: the port is taken.
    """
    # The pool starts "python".
    folder = os.path.dirname(sys.executable)
    if not os.environ.get("PATH", "").startswith(folder + os.pathsep):
        os.environ["PATH"] = folder + os.pathsep + os.environ.get("PATH", "")
    server = grpc.server(thread_pool_executor.shared_unbounded_instance())
    try:
        bound = server.add_insecure_port(f"{_HOST}:{port}")
    except RuntimeError as error:
        raise OSError(f"port {port} of {_HOST} is taken: {error}") from error
    pool = BeamFnExternalWorkerPoolServicer(use_process=True)
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    server.start()
    try:
        yield f"{_HOST}:{bound}"
    finally:
        server.stop(0)
        for worker in pool._worker_processes.values():
            worker.kill()
            worker.wait()


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(
        prog="beam_workers", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--port", metavar="PORT", type=int, default=50000)
    arguments = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with serve(arguments.port) as address:
        sys.stderr.write(f"Beam workers at {address}\n")
        ended.wait()


if __name__ == "__main__":
    main()
