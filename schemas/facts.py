"""Names of the custom properties that components put on artifacts.

What a model is, how good it is and where it went can be asked of ML Metadata alone.
Names that TFX itself gives to the same thing are kept.
"""

from __future__ import annotations

# On the evaluation, beside one float for each metric: "recall@10" is the model's,
# "popularity_recall@10" the popularity model's, and so on, over all queries.
POPULARITY_PREFIX = "popularity_"
MARKOV_PREFIX = "markov_"
BLESSED_PREFIX = "blessed_"
BASELINE_PREFIXES = (POPULARITY_PREFIX, MARKOV_PREFIX, BLESSED_PREFIX)
# JSON: metric -> lower and upper end of the model's 95 % interval, over all queries.
INTERVALS = "intervals"
# Why the latest blessed model was not measured beside it, in words.
BLESSED_LEFT_OUT = "blessed_left_out"
QUERY_COUNT = "query_count"
VOCAB_SIZE = "vocab_size"
# JSON: slice -> its queries and the model's metrics, of the slices with most queries.
SLICE_METRICS = "slice_metrics"
MAX_SLICES = 200

# On the blessing, as TFX's Evaluator writes them.
BLESSED = "blessed"
CURRENT_MODEL = "current_model"
CURRENT_MODEL_ID = "current_model_id"
COMPONENT_ID = "component_id"
# On the blessing of a model that is refused, and on the pushed model where nothing
# was pushed: why, in words.
REFUSAL = "refusal"
# On the blessing of a model that is blessed: the conditions that held, in words.
REASON = "reason"

# On the pushed model, the first three as TFX's Pusher writes them.
PUSHED = "pushed"
PUSHED_DESTINATION = "pushed_destination"
PUSHED_VERSION = "pushed_version"
MODEL_SHA256 = "model_sha256"
MODEL_SIZE_BYTES = "model_size_bytes"
LATENCY_P50_US = "latency_p50_us"
LATENCY_P99_US = "latency_p99_us"
AGREEMENT = "agreement"
# Each variant's figures have its name before theirs: "int8_weights_ndcg@10". Here the
# variants that were not pushed, a line each, with the reason.
REFUSED_VARIANTS = "refused_variants"

# On Kubeflow, on what a node reads: the artifact's name and URI in the cluster's
# stores, where the executor is given a number and a copy.
STORE_NAME = "store_name"
STORE_URI = "store_uri"

# On a model that stands for none, where an orchestrator knows no empty inputs: 1.
ABSENT = "absent"

# On examples, as TFX's ExampleGens write them.
SPAN = "span"
VERSION = "version"
INPUT_FINGERPRINT = "input_fingerprint"
# Also on the ingestion report. JSON: span and version (null for none) of every span
# that was read, as [[3, 1], [4, 2]]; `span` and `version` are the last.
SPANS = "spans"
# Spans of the window that could not be read, in words, a line each.
SPANS_LEFT_OUT = "spans_left_out"

# On anomalies: what is wrong, in words, a line each, left out for nothing; folder of
# the statistics; and the span that these were compared with, left out for none.
ANOMALIES = "anomalies"
STATISTICS = "statistics"
COMPARED_WITH = "compared_with"

# On examples and on the ingestion report.
ROWS_READ = "rows_read"
ROWS_REJECTED = "rows_rejected"
EVENTS = "events"
USERS = "users"
# On the catalogue too: the items it knows.
ITEMS = "items"

# On the model, as `training.TrainingReport` describes them.
TRAINING_COUNTS = ("epochs", "best_epoch", "steps", "examples")
TRAINING_MEASURES = ("best_validation_recall", "seconds")
# JSON: the settings that a search chose, in the place of those of the configuration.
TUNED = "tuned"
# Where a warm start was asked for: how many keys were kept and are new, or why the
# training began cold, in words.
WARM_START = "warm_start"

# On everything our executors write: a digest of the artifact's files (see
# `components/provenance.py`), the code that wrote them, and who ran it where. The
# commit is known where the package runs from a checkout, or an image says it.
CONTENT_SHA256 = "content_sha256"
PACKAGE_VERSION = "package_version"
GIT_COMMIT = "git_commit"
USER = "user"
HOST = "host"
PROVENANCE = (CONTENT_SHA256, PACKAGE_VERSION, GIT_COMMIT, USER, HOST)

# On the transform graph, the first the digest of the schema's file, the others JSON:
# column -> type, and column -> {"size": keys, "sha256": of the file of keys}.
SCHEMA_SHA256 = "schema_sha256"
SCHEMA_COLUMNS = "schema_columns"
VOCABULARIES = "vocabularies"
