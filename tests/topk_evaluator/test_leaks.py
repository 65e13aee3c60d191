"""Test labels among the training targets."""

from __future__ import annotations

import numpy as np
import pytest

from ondevice_rec.components.topk_evaluator import leaks
from ondevice_rec.components.topk_evaluator.timeline_events import Events


def events(*named: tuple[int, int, bool]) -> Events:
    """User, event and whether it is a target, of each."""
    columns = list(zip(*named, strict=True))
    return Events(
        np.array(columns[0], np.uint64),
        np.array(columns[1], np.uint64),
        np.array(columns[2], bool),
    )


def test_a_test_label_among_the_training_targets_is_counted() -> None:
    sample = leaks.sample_targets(events((1, 10, True), (1, 11, True), (2, 20, True)))
    test = events((1, 10, False), (1, 11, True), (2, 21, True), (3, 30, True))
    assert leaks.Comparer(sample).count(test) == (3, 1)


def test_an_event_of_the_context_is_no_training_target() -> None:
    sample = leaks.sample_targets(events((1, 10, False), (1, 11, True)))
    assert leaks.Comparer(sample).count(events((1, 10, True))) == (1, 0)


def test_equal_events_of_both_splits_are_told_apart_by_their_number() -> None:
    sample = leaks.sample_targets(events((1, 10, True)))
    twice = events((1, 10, False), (1, 10, True))
    assert leaks.Comparer(sample).count(twice) == (1, 0)


def test_of_too_many_targets_those_of_some_users_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leaks, "MAX_TARGETS", 10)
    rng = np.random.default_rng(1)
    users = rng.integers(0, 12, 60)
    named = [(int(user), number, True) for number, user in enumerate(users)]
    parts = [leaks.sample_targets(events(*named[i : i + 7])) for i in range(0, 60, 7)]
    forwards, backwards = leaks.no_targets(), leaks.no_targets()
    for part in parts:
        forwards += part
    for part in reversed(parts):
        backwards += part
    assert forwards.below == backwards.below
    assert sorted(forwards.events) == sorted(backwards.events)
    kept = [number for user, number, _ in named if user < forwards.below]
    assert 0 < len(kept) <= 10
    assert sorted(forwards.events.tolist()) == kept
    # All targets of the users that are compared are known.
    assert leaks.Comparer(forwards).count(events(*named)) == (len(kept), len(kept))
