"""Which model a new one is compared with."""

from __future__ import annotations

from typing import Any

import pytest
from tfx.types import standard_artifacts

from ondevice_rec.components.topk_evaluator.latest_blessed import (
    EarlierBlessedModelStrategy,
)


def model(number: int) -> Any:
    artifact = standard_artifacts.Model()
    artifact.id = number
    return artifact


def blessing(number: int, blessed: bool) -> Any:
    artifact = standard_artifacts.ModelBlessing()
    artifact.set_int_custom_property("current_model_id", number)
    artifact.set_int_custom_property("blessed", int(blessed))
    return artifact


@pytest.mark.parametrize(
    ("blessed", "candidate", "expected"),
    [
        # The first model of all; one that runs again, blessed before; later ones.
        ({}, 3, []),
        ({3: True}, 3, []),
        ({3: True}, 5, [3]),
        ({3: True, 5: False}, 7, [3]),
        ({3: True, 5: True, 7: True}, 7, [5]),
    ],
)
def test_the_latest_blessed_model_before_the_candidate(
    blessed: dict[int, bool], candidate: int, expected: list[int]
) -> None:
    found = EarlierBlessedModelStrategy().resolve_artifacts(
        None,
        {
            "candidate": [model(candidate)],
            "model": [model(number) for number in {*blessed, candidate}],
            "model_blessing": [blessing(*pair) for pair in blessed.items()],
        },
    )
    assert found is not None
    assert [artifact.id for artifact in found["model"]] == expected
    assert [artifact.id for artifact in found["candidate"]] == [candidate]
