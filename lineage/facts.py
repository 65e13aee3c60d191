"""Names of the custom properties that are read, as their writers call them.

The components' names stand in `ondevice_rec.schemas.facts` too, which this package
does not import: it reads any store, whoever wrote it. A test holds the two together.
"""

from __future__ import annotations

POPULARITY_PREFIX = "popularity_"
MARKOV_PREFIX = "markov_"
BLESSED_PREFIX = "blessed_"
BASELINE_PREFIXES = (POPULARITY_PREFIX, MARKOV_PREFIX, BLESSED_PREFIX)
INTERVALS = "intervals"
QUERY_COUNT = "query_count"
VOCAB_SIZE = "vocab_size"
SLICE_METRICS = "slice_metrics"

BLESSED = "blessed"
REFUSAL = "refusal"
REASON = "reason"

PUSHED = "pushed"
PUSHED_DESTINATION = "pushed_destination"
PUSHED_VERSION = "pushed_version"
MODEL_SHA256 = "model_sha256"
MODEL_SIZE_BYTES = "model_size_bytes"
LATENCY_P50_US = "latency_p50_us"
LATENCY_P99_US = "latency_p99_us"
AGREEMENT = "agreement"

SPAN = "span"
VERSION = "version"
INPUT_FINGERPRINT = "input_fingerprint"
SPANS = "spans"
SPANS_LEFT_OUT = "spans_left_out"
ROWS_READ = "rows_read"
ROWS_REJECTED = "rows_rejected"
EVENTS = "events"
USERS = "users"
ITEMS = "items"

TRAINING_COUNTS = ("epochs", "best_epoch", "steps", "examples")
TRAINING_MEASURES = ("best_validation_recall", "seconds")
TUNED = "tuned"
WARM_START = "warm_start"

CONTENT_SHA256 = "content_sha256"
PACKAGE_VERSION = "package_version"
GIT_COMMIT = "git_commit"
USER = "user"
HOST = "host"

SCHEMA_SHA256 = "schema_sha256"
SCHEMA_COLUMNS = "schema_columns"
VOCABULARIES = "vocabularies"
