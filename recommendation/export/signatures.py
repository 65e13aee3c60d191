"""Names in the exported models, by which apps call them."""

from __future__ import annotations

# Model Maker's: inputs `[feature_length]`.
SERVING = "serving_default"
# The same for several at once: inputs `[batch, feature_length]`. The name follows
# `SERVING` in the alphabet: TFLite's converter sorts, and an app that asks for no
# signature gets the first.
SERVING_BATCH = "serving_default_batch"
# Scores of all ids, in the SavedModel only: inputs as `SERVING_BATCH`'s.
SCORE = "score"

IDS = "top_prediction_ids"
SCORES = "top_prediction_scores"
# Of `SCORE`: `[batch, vocab_size]`.
ALL_SCORES = "scores"
