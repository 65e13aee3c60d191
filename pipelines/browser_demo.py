"""The `demo` command: a page that recommends in the browser, by the pushed model."""

from __future__ import annotations

import functools
import http.server
import sys
from http import HTTPStatus
from pathlib import Path

from ondevice_rec.recommendation.ondevice import version_folder
from ondevice_rec.recommendation.ondevice.version_folder import VersionFolder
from ondevice_rec.schemas.errors import UserError

HOST = "127.0.0.1"
_WEB = Path(__file__).parent / "web"
_RUNTIME = _WEB / "vendor"
_PAGE = ("index.html", "demo.css", "demo.js")
# By default browsers take what a system's registry says, which may be anything.
_TYPES = {
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".json": "application/json",
    ".tsv": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}
_HEADERS = {
    "Cache-Control": "no-store",
    # The page computes by itself: it cannot send anything anywhere else.
    "Content-Security-Policy": (
        "default-src 'self'; img-src data:; "
        "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'"
    ),
    # Isolated pages are given clocks that resolve microseconds.
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def run(serving_dir: str, port: int) -> int:
    """Serves the page until it is interrupted.

    Args:
      serving_dir: Folder that versions are pushed to, or one version folder.
      port: Port on the loopback interface; 0 takes a free one.

    Returns:
      The exit status, 0.

    Raises:
      UserError: there is no version, LiteRT's web runtime is not installed, or the
        port is taken.
    """
    server = create_server(serving_dir, port)
    sys.stdout.write(
        f"http://{HOST}:{server.server_address[1]}/ serves "
        f"{serving_dir}; end with Ctrl+C\n"
    )
    sys.stdout.flush()
    with server:
        server.serve_forever()
    return 0


def create_server(serving_dir: str, port: int) -> http.server.ThreadingHTTPServer:
    """The server of the page; it serves the version that is served now.

    Raises:
      UserError: as `run`.
    """
    version = version_folder.open_version(serving_dir)
    version.check_files()
    _check_inputs(version)
    if not (_RUNTIME / "litert_core.js").is_file():
        raise UserError(
            "The page needs LiteRT's web runtime, which this installation does not "
            "have. In a checkout: install npm, then `make web`."
        )
    handler = functools.partial(_Handler, files=_files(version))
    try:
        return http.server.ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        raise UserError(
            f"Port {port} cannot be used: {error}. Name another one: --port"
        ) from error


def _check_inputs(version: VersionFolder) -> None:
    """Refuses models that the page cannot tell what they need to know."""
    from ondevice_rec.recommendation.recommender import Recommender

    needed = Recommender.from_version(version.path).needed_features
    if needed:
        raise UserError(
            f"The model reads {', '.join(needed)} of every event, which a page where "
            "items are chosen cannot know. Use `Recommender.recommend`, which takes "
            "`features`."
        )


def _files(version: VersionFolder) -> dict[str, Path]:
    """What may be asked for: paths in the address -> files."""
    found = {f"/{name}": _WEB / name for name in _PAGE}
    found["/"] = _WEB / "index.html"
    found |= {f"/vendor/{path.name}": path for path in _RUNTIME.iterdir()}
    for name in (version_folder.MANIFEST, *version.manifest["files"]):
        if not name.startswith(version_folder.SAVED_MODEL + "/"):
            found[f"/version/{name}"] = version.path / name
    return found


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, *arguments: object, files: dict[str, Path]) -> None:
        self._files = files
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = self._files.get(self.path.partition("?")[0])
        if path is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        content = path.read_bytes()
        self.send_response(HTTPStatus.OK)
        kind = _TYPES.get(path.suffix, "application/octet-stream")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Says nothing: the address is all a user wants to read."""
