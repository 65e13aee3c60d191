"""Options of `ondevice-rec compile --target kubeflow`."""

from __future__ import annotations

import argparse


def add(parser: argparse._ActionsContainer) -> None:
    """Adds the options."""
    parser.add_argument(
        "--image",
        metavar="[NODE=]IMAGE",
        action="append",
        help="image of the nodes, made by tools/kubeflow/Dockerfile and pushed "
        "where the cluster finds it; again, after a node's name: of that node",
    )
    parser.add_argument(
        "--resources",
        metavar="NODE=CPUS,MEMORY",
        action="append",
        help="what a node is given, such as RecommendationTrainer=8,32G",
    )
    parser.add_argument(
        "--volume",
        metavar="CLAIM=DIR",
        action="append",
        help="a PersistentVolumeClaim of the cluster that every node sees as DIR, for "
        "a log or a push folder on it; Kubeflow Pipelines only",
    )
