"""Serves the pages until it is interrupted."""

from __future__ import annotations

import ipaddress
import socket
import sys

import uvicorn

from ondevice_rec.lineage.store import Store
from ondevice_rec.pipelines.ui import app
from ondevice_rec.schemas.errors import UserError

_LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]


def run(location: str, host: str, port: int) -> int:
    """Serves a store's pages.

    Args:
      location: Where the store is.
      host: Address to serve on.
      port: Port; 0 takes a free one.

    Returns:
      The exit status, 0.

    Raises:
      LineageError: the store cannot be read.
      UserError: the address cannot be served on.
    """
    Store(location)
    listening = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    sys.stdout.write(
        f"http://{shown}:{listening.getsockname()[1]}/ shows {location}; "
        "end with Ctrl+C\n"
    )
    sys.stdout.flush()
    server(location, host).run(sockets=[listening])
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound.

    Raises:
      UserError: it cannot be.
    """
    if not 0 <= port <= 65535:
        raise UserError(f"--port must be from 0 to 65535, received {port}.")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise UserError(
            f"{host}, port {port}, cannot be served on: {error}. Name others: --host, "
            "--port"
        ) from error


def server(location: str, host: str) -> uvicorn.Server:
    """The server, for a socket of `listen`."""
    return uvicorn.Server(
        uvicorn.Config(
            app.create(location, known_hosts(host)),
            # The store is the only thing to tell of.
            access_log=False,
            log_level="warning",
            lifespan="off",
            ws="none",
            server_header=False,
        )
    )


def known_hosts(host: str) -> list[str]:
    """Names that pages may be asked for under, "*" for any.

    Who serves on every address is reached under names that nobody here knows.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return [*_LOOPBACK, host.lower()]
    if address.is_unspecified:
        return ["*"]
    return [*_LOOPBACK, f"[{host}]" if address.version == 6 else host]
