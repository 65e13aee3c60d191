"""A log made up for whole pipelines: users who walk round thirty items in order."""

from __future__ import annotations

import random
from pathlib import Path

ITEMS = 30
CONFIG = """\
pipeline_name: walks
log: {path: log.csv, user: user, item: item, timestamp: time}
catalogue: {path: items.csv, item: item, title: name}
input_spec:
  activity_feature_groups:
    - encoder_type: CNN
      features:
        - {feature_name: context_item, feature_type: STRING, embedding_dim: 16,
           feature_length: 4}
  label_feature: {feature_name: label_item, feature_type: STRING, embedding_dim: 16}
hparams: {conv_num_filter_ratios: [2], conv_kernel_size: 2, num_predictions: 5}
training: {epochs: 8, batch_size: 64, learning_rate: 0.01}
evaluation: {top_k: [1, 3]}
"""


def write_log(path: Path, follow: bool = True, seed: int = 1) -> None:
    """Writes a log of 150 users, twelve events each.

    Args:
      path: The CSV file; its folder is made.
      follow: Whether they walk round the items in order, or jump anywhere.
      seed: Of where they start.
    """
    rng = random.Random(seed)
    lines = ["user,item,time"]
    for user in range(150):
        at = rng.randrange(ITEMS)
        for step in range(12):
            lines.append(f"u{user},i{at},{1_000 + step}")
            at = (at + 1) % ITEMS if follow else rng.randrange(ITEMS)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def write_catalogue(path: Path) -> None:
    """Writes the items' names."""
    names = [f"i{item},Item number {item}" for item in range(ITEMS)]
    path.write_text("\n".join(["item,name", *names]) + "\n")
