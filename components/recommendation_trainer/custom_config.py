"""What the component hands to `run_fn`: protos as JSON, by these keys."""

from __future__ import annotations

INPUT_SPEC = "input_spec"
HPARAMS = "hparams"
TRAINING = "training"

# In the ModelRun: what the training did, a `TrainingReport` as JSON.
REPORT_FILE = "training.json"
