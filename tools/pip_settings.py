"""Prints pip's settings, from its files and PIP_* variables, as exports for uv.

uv reads neither, so that an index, a proxy or certificates set for pip would be lost.
Whatever is set for uv itself wins.
"""

from __future__ import annotations

import ast
import os
import shlex
import subprocess
import sys


def pip_settings() -> dict[str, str]:
    """Settings of pip by name; PIP_* variables over [install] over [global]."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.partition(".")
        if section in sections:
            sections[section][name] = ast.literal_eval(value)
    return {**sections["global"], **sections["install"], **sections[":env:"]}


def uv_variables(settings: dict[str, str]) -> dict[str, str]:
    """The variables that tell uv what `settings` tell pip."""
    found = {}
    for setting, variable in (
        ("index-url", "UV_DEFAULT_INDEX"),
        ("cert", "SSL_CERT_FILE"),
        ("timeout", "UV_HTTP_TIMEOUT"),
        ("default-timeout", "UV_HTTP_TIMEOUT"),
        ("proxy", "ALL_PROXY"),
    ):
        if setting in settings:
            found[variable] = settings[setting]
    # pip separates by white space; uv does so for indexes and hosts, not for links.
    for setting, variable, separator in (
        ("extra-index-url", "UV_INDEX", " "),
        ("trusted-host", "UV_INSECURE_HOST", " "),
        ("find-links", "UV_FIND_LINKS", ","),
    ):
        if setting in settings:
            found[variable] = separator.join(settings[setting].split())
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        found["UV_NO_INDEX"] = "1"
    return found


if __name__ == "__main__":
    for name, value in uv_variables(pip_settings()).items():
        if name not in os.environ:
            print(f"export {name}={shlex.quote(value)}")
