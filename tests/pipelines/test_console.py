"""What a run shows while it goes on."""

from __future__ import annotations

import io

import pytest

from ondevice_rec.pipelines.console import RunConsole


@pytest.mark.parametrize("forced", [True, False])
def test_where_there_is_no_terminal_there_are_plain_lines(
    monkeypatch: pytest.MonkeyPatch, forced: bool
) -> None:
    if forced:
        # As Jupyter's kernels do, for what a cell calls.
        monkeypatch.setenv("FORCE_COLOR", "1")
    shown = io.StringIO()

    with RunConsole(shown) as console:
        console.started("Trainer")
        console.finished("Trainer", "from the cache")

    first, second = shown.getvalue().splitlines()
    assert first == "> Trainer"
    assert second.split() == ["+", "Trainer", "0.0", "s", "from", "the", "cache"]
