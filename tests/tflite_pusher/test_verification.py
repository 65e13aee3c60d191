"""When TFLite counts as giving what the model gives."""

from __future__ import annotations

import numpy as np
import pytest

from ondevice_rec.components.tflite_pusher.verification import agrees


@pytest.mark.parametrize(
    ("ids", "scores", "agreed"),
    [
        ([1, 2, 3], [0.9, 0.5, 0.4], True),
        # Same items, scores a little off.
        ([1, 2, 3], [0.8, 0.5, 0.4], True),
        ([2, 1, 3], [0.9, 0.5, 0.4], False),
        ([1, 2, 4], [0.9, 0.5, 0.3], False),
        # Ties with the last one, where the list was cut.
        ([1, 2, 4], [0.9, 0.5, 0.400001], True),
        # Other items with the same scores are not the same recommendation.
        ([4, 5, 6], [0.9, 0.5, 0.4], False),
        ([1, 4, 3], [0.9, 0.5, 0.4], False),
        ([1, 2, 4], [0.9, 0.5, np.nan], False),
    ],
)
def test_agreement(ids: list[int], scores: list[float], agreed: bool) -> None:
    found = agrees(
        np.array([[1, 2, 3]]),
        np.array([[0.9, 0.5, 0.4]]),
        np.array([ids]),
        np.array([scores]),
    )
    assert found.tolist() == [agreed]


def test_tied_items_may_change_places() -> None:
    found = agrees(
        np.array([[1, 2, 3]]),
        np.array([[0.9, 0.500004, 0.5]]),
        np.array([[1, 3, 2]]),
        np.array([[0.9, 0.500002, 0.5]]),
    )
    assert found.tolist() == [True]
