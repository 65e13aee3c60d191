"""Names that TFX gives to what it writes into ML Metadata."""

from __future__ import annotations

# Types of artifacts.
EXAMPLES = "Examples"
SCHEMA = "Schema"
TRANSFORM_GRAPH = "TransformGraph"
MODEL = "Model"
EVALUATION = "ModelEvaluation"
BLESSING = "ModelBlessing"
PUSHED_MODEL = "PushedModel"

# By this name an Evaluator, TFX's and ours, reads a model only to compare with it.
BASELINE_MODEL = "baseline_model"
# And TimelineValidator statistics of an earlier span.
PREVIOUS_STATISTICS = "previous_statistics"
COMPARED = (BASELINE_MODEL, PREVIOUS_STATISTICS)

# Types of contexts.
PIPELINE = "pipeline"
RUN = "pipeline_run"
NODE = "node"
# InteractiveContext makes a run of its own for every component that it is given.
INTERACTIVE_RUN = "run"
INTERACTIVE_NODE = "component_run"

# Custom property of every artifact.
TFX_VERSION = "tfx_version"
# Custom properties of file-based ExampleGens' executions.
INPUT_BASE = "input_base"
# Of ActivityExampleGen's: the log's columns and path, as JSON.
LOG = "log"
