"""Options of `ondevice-rec compile --target kubeflow`."""

from __future__ import annotations

import argparse


def add(parser: argparse._ActionsContainer) -> None:
    """Adds the options."""
    parser.add_argument("--image", metavar="IMAGE", help="image that runs the nodes")
