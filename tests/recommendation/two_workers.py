"""Trains a small model and writes the losses and weights: a program of its own.

python two_workers.py KIND TRAIN_FILE VALIDATION_FILE OUTPUT_FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from google.protobuf import text_format

from ondevice_rec.recommendation import training, workers
from ondevice_rec.recommendation.model import RecommendationModel
from ondevice_rec.recommendation.spec import InputSpec, ModelHParams
from ondevice_rec.schemas import pipeline_config_pb2

SPEC = """
activity_feature_groups {
  features { feature_name: "context_item" feature_type: STRING vocab_size: 20
             embedding_dim: 4 feature_length: 6 column: "item" }
  encoder_type: %s }
label_feature { feature_name: "label_item" feature_type: STRING vocab_size: 20
                embedding_dim: 4 column: "item" }
"""


def main() -> None:
    kind, train, validation, output = sys.argv[1:]
    workers.strategy()
    asked = pipeline_config_pb2.Training(
        epochs=4, batch_size=32, learning_rate=0.01, seed=3
    )
    training.seed(asked)
    with workers.scope():
        model = RecommendationModel(
            text_format.Parse(SPEC % kind, InputSpec()),
            ModelHParams([], [10], [], conv_kernel_size=4, lstm_num_units=4),
        )
    report = training.train(model, [train], [validation], asked, output)
    folder = Path(output)
    folder.mkdir(exist_ok=True)
    np.savez(folder / "weights.npz", *model.get_weights())
    (folder / "history.json").write_text(json.dumps(dict(report.history)))


if __name__ == "__main__":
    main()
