"""Trains on-device recommendation models: the API of TFLite Model Maker's task.

See docs/migrating.md for what is the same and what is new.
"""

from __future__ import annotations

import importlib
from typing import Any

# Where the public names are; nothing is imported before it is asked for.
_NAMES = {
    "DataLoader": ("data.data_loader", "DataLoader"),
    "ModelSpec": ("model_spec", "ModelSpec"),
    "OnDeviceRecommender": ("recommender", "Recommender"),
    "Recommendation": ("task.recommendation", "Recommendation"),
    "Split": ("data.split", "Split"),
    "create": ("task.recommendation", "create"),
}
_MODULES = ("config", "model_spec", "spec")


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        module, attribute = _NAMES[name]
        return getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_NAMES, *_MODULES])
