"""Decides which split asks for which event, and cuts timelines into segments."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np

from ondevice_rec.components.activity_example_gen.timelines import Timelines
from ondevice_rec.recommendation import hashing
from ondevice_rec.schemas import pipeline_config_pb2 as config_pb2
from ondevice_rec.schemas import timeline

NO_SPLIT = -1
_TRAIN, _VALIDATION, _TEST = range(len(timeline.SPLITS))


class Segments(NamedTuple):
    """Pieces of timelines that a split stores, by user, oldest first.

    Attributes:
      users: Index of the user: int64 [segments].
      bounds: First entry of each segment in `events`, and their number:
        int64 [segments + 1].
      events: Index of the event: int64 [entries].
      targets: Whether the split asks for the event here: bool [entries].
      overlaps: Leading entries repeated from the segment before: int64 [segments].
    """

    users: np.ndarray
    bounds: np.ndarray
    events: np.ndarray
    targets: np.ndarray
    overlaps: np.ndarray


def moments_at(
    values: np.ndarray, counts: np.ndarray, split: config_pb2.Split
) -> tuple[int, int]:
    """Returns the moments from which on the latest events are validation and test.

    Args:
      values: Distinct timestamps, ascending: int64.
      counts: Events at each.
      split: The shares. Events at one moment stay together, in the later split.
    """
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0

    def moment(share: float) -> int:
        rank = total - round(total * share)
        if rank >= total:
            return int(values[-1]) + 1 if total else 0
        return int(values[np.searchsorted(ends, rank, side="right")])

    test = split.test_fraction
    return moment(split.validation_fraction + test), moment(test)


def assign(
    timelines: Timelines, split: config_pb2.Split, moments: tuple[int, int] | None
) -> np.ndarray:
    """Assigns events to the split that asks for them.

    The first event of a timeline has nothing before it, so no split asks for it; nor
    do validation and test for the further events of a basket.

    Args:
      timelines: The timelines.
      split: The strategy.
      moments: First moment of validation and of test, for GLOBAL_TIME.

    Returns:
      Index in `timeline.SPLITS`, or NO_SPLIT: int8 [events].
    """
    positions = timelines.positions()
    lengths = timelines.lengths
    begins = np.ones(timelines.num_events, bool)
    if split.baskets:
        moved = timelines.timestamps[1:] != timelines.timestamps[:-1]
        begins[1:] = moved | (positions[1:] == 0)
    if split.strategy == config_pb2.Split.LEAVE_LAST_OUT:
        begun = np.concatenate([[0], np.cumsum(begins)])
        # Events of a user that begin a basket: all, and from this event's on.
        of_user = begun[timelines.starts[1:]] - begun[timelines.starts[:-1]]
        left = np.repeat(begun[timelines.starts[1:]], lengths) - begun[1:] + 1
        assigned = np.where(left == 1, _TEST, np.where(left == 2, _VALIDATION, _TRAIN))
        assigned[np.repeat(of_user < 3, lengths)] = _TRAIN
    elif split.strategy == config_pb2.Split.GLOBAL_TIME:
        assert moments is not None
        assigned = np.searchsorted(
            np.array(moments), timelines.timestamps, side="right"
        )
    else:
        hashes = _user_hashes(timelines, split.seed)
        if split.strategy == config_pb2.Split.RANDOM:
            hashes = hashing.mix(
                np.repeat(hashes, lengths) + positions.astype(np.uint64)
            )
        else:
            hashes = np.repeat(hashes, lengths)
        # 53 bits are what a float64 holds.
        shares = (hashes >> np.uint64(11)) / 2.0**53
        test, validation = split.test_fraction, split.validation_fraction
        assigned = np.where(
            shares < test, _TEST, np.where(shares < test + validation, _VALIDATION, 0)
        )
    assigned = assigned.astype(np.int8)
    assigned[positions == 0] = NO_SPLIT
    assigned[(assigned != _TRAIN) & ~begins] = NO_SPLIT
    return assigned


def cut(
    timelines: Timelines,
    targets: np.ndarray,
    context_length: int,
    max_segment_length: int,
) -> Segments:
    """Cuts the timelines of one split, from where its targets need them to the last.

    Args:
      timelines: The timelines.
      targets: Whether the split asks for an event: bool [events].
      context_length: Events before a target that a model may read.
      max_segment_length: Most events of a segment, above `context_length`.
    """
    starts = timelines.starts[:-1]
    owner = np.repeat(np.arange(len(starts)), timelines.lengths)
    wanted = np.flatnonzero(targets)
    users, first = np.unique(owner[wanted], return_index=True)
    last = np.concatenate([first[1:], [len(wanted)]])[: len(users)] - 1
    begin = starts[users]
    end = wanted[last] + 1
    # Of a timeline that is too long, the latest events, and what targets need before.
    begin = np.maximum(
        begin, np.minimum(end - max_segment_length, wanted[first] - context_length)
    )
    step = max_segment_length - context_length
    excess = np.maximum(end - begin - max_segment_length, 0)
    pieces = 1 + -(-excess // step)
    number = _ranges(pieces)
    seg_begin = np.repeat(begin, pieces) + number * step
    seg_end = np.minimum(seg_begin + max_segment_length, np.repeat(end, pieces))
    overlaps = np.where(number > 0, context_length, 0)
    seen = np.concatenate([[0], np.cumsum(targets)])
    useful = seen[seg_end] > seen[seg_begin + overlaps]
    users = np.repeat(users, pieces)[useful]
    seg_begin, seg_end, overlaps = seg_begin[useful], seg_end[useful], overlaps[useful]
    sizes = seg_end - seg_begin
    within = _ranges(sizes)
    events = np.repeat(seg_begin, sizes) + within
    return Segments(
        users,
        np.concatenate([[0], np.cumsum(sizes)]),
        events,
        targets[events] & (within >= np.repeat(overlaps, sizes)),
        overlaps,
    )


def whole(timelines: Timelines) -> Segments:
    """The timelines as they are, a segment each, without targets."""
    users = np.arange(len(timelines.users))
    events = np.arange(timelines.num_events)
    return Segments(
        users,
        timelines.starts,
        events,
        np.zeros(len(events), bool),
        np.zeros(len(users), np.int64),
    )


def _ranges(sizes: np.ndarray) -> np.ndarray:
    """Returns 0 .. size - 1 for each size, one after the other."""
    ends = np.cumsum(sizes)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - sizes, sizes)


def _user_hashes(timelines: Timelines, seed: int) -> np.ndarray:
    digests = [
        hashlib.blake2b(key.encode(), digest_size=8, key=str(seed).encode()).digest()
        for key in timelines.users.to_pylist()
    ]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
