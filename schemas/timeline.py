"""The interchange between the components: one tf.train.Example per user timeline.

Every list of a timeline has one entry per event, oldest first; see
`docs/architecture.md` for the whole layout.
"""

from __future__ import annotations

# The user's key: bytes, one value.
USER = "user"
# The items' keys: bytes, one per event.
ITEM = "item"
# When: int64, one per event, never decreasing.
TIMESTAMP = "timestamp"
# 1 where this split asks for a prediction of the item from the events before it,
# 0 elsewhere: int64, one per event.
TARGET = "target"
# Number of leading events repeated from the timeline's previous segment, there for
# context only: int64, one value.
OVERLAP = "overlap"
# Events of the user in all that was read, before anything was cut or split: int64, one
# value.
EVENT_COUNT = "event_count"

RESERVED = (USER, ITEM, TIMESTAMP, TARGET, OVERLAP, EVENT_COUNT)

# Added to the name of a multi-valued column: how many values each event has.
LENGTHS_SUFFIX = "_lengths"

TRAIN = "train"
VALIDATION = "validation"
TEST = "test"
SPLITS = (TRAIN, VALIDATION, TEST)
# Beside them, where the log has spans: the timelines of the newest span alone, every
# event of it, for statistics. Nothing is trained or measured on it.
NEWEST = "newest"

# Id of padding and of keys outside the vocabulary.
OOV_ID = 0
