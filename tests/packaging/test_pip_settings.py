"""What is set for pip reaches uv."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def exports(project_root: Path, **variables: str) -> set[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "UV_")) and name != "SSL_CERT_FILE"
    }
    return set(
        subprocess.run(
            [sys.executable, project_root / "tools" / "pip_settings.py"],
            check=True,
            # pip's own name for "no configuration file".
            env={"PIP_CONFIG_FILE": os.devnull, **kept, **variables},
            capture_output=True,
            text=True,
        ).stdout.splitlines()
    )


def test_nothing_set_nothing_exported(project_root: Path) -> None:
    assert exports(project_root) == set()


def test_variables_of_pip_become_those_of_uv(project_root: Path) -> None:
    assert exports(
        project_root,
        PIP_INDEX_URL="https://user:it's@index.example/simple",
        PIP_EXTRA_INDEX_URL="https://a.example https://b.example",
        PIP_FIND_LINKS="/one /two",
        PIP_CERT="/etc/ca.crt",
        PIP_NO_INDEX="1",
    ) == {
        "export UV_DEFAULT_INDEX='https://user:it'\"'\"'s@index.example/simple'",
        "export UV_INDEX='https://a.example https://b.example'",
        "export UV_FIND_LINKS=/one,/two",
        "export SSL_CERT_FILE=/etc/ca.crt",
        "export UV_NO_INDEX=1",
    }


def test_the_configuration_file_counts_and_variables_win(
    project_root: Path, tmp_path: Path
) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = https://file.example\ncert = /file.crt\n"
        "[install]\ncert = /install.crt\n"
    )

    assert exports(
        project_root,
        PIP_CONFIG_FILE=str(file),
        PIP_INDEX_URL="https://variable.example",
    ) == {
        "export UV_DEFAULT_INDEX=https://variable.example",
        "export SSL_CERT_FILE=/install.crt",
    }


def test_what_is_set_for_uv_wins(project_root: Path) -> None:
    assert (
        exports(
            project_root,
            PIP_INDEX_URL="https://pip.example",
            UV_DEFAULT_INDEX="https://uv.example",
        )
        == set()
    )
