"""How the model was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ondevice_rec.lineage import tfx_names
from ondevice_rec.pipelines.report.files import Files
from ondevice_rec.pipelines.report.missing import Missing
from ondevice_rec.pipelines.report.run_record import RunRecord
from ondevice_rec.schemas import facts

_MODEL_RUN = "ModelRun"
_FILE = "training.json"


@dataclass(frozen=True)
class Training:
    """How the model was trained.

    Attributes:
      figures: epochs, best_epoch, steps, examples, best_validation_recall, seconds;
        what is not recorded is left out.
      curves: Name -> value at the end of each epoch; empty where they are not known.
      without_curves: Why they are not, in words.
      start: What became of a warm start; empty where none was asked for.
    """

    figures: Mapping[str, Any]
    curves: Mapping[str, Sequence[float]]
    without_curves: str = ""
    start: str = ""

    @property
    def losses(self) -> dict[str, Sequence[float]]:
        """The curves that should fall."""
        return {n: v for n, v in self.curves.items() if "loss" in n}

    @property
    def measures(self) -> dict[str, Sequence[float]]:
        """The others, which should rise."""
        return {n: v for n, v in self.curves.items() if "loss" not in n}


def collect(record: RunRecord, files: Files) -> Training:
    """Reads the trainer's report; the figures alone from ML Metadata if it is gone.

    Raises:
      Missing: neither is there.
    """
    names = (*facts.TRAINING_COUNTS, *facts.TRAINING_MEASURES)
    models = record.outputs(tfx_names.MODEL)
    kept = models[-1].properties if models else {}
    start = str(kept.get(facts.WARM_START, ""))
    try:
        found = files.json(record.artifact(_MODEL_RUN), _FILE)
        curves = {
            str(name): [float(value) for value in values]
            for name, values in found.get("history", {}).items()
        }
        figures = {n: found[n] for n in names if n in found}
        return Training(figures, curves, start=start)
    except (TypeError, ValueError, AttributeError) as error:
        missing = Missing(f"{_FILE} was written by other software: {error}.")
    except Missing as error:
        missing = error
    figures = {name: kept[name] for name in names if name in kept}
    if not figures:
        raise missing
    return Training(figures, {}, str(missing), start)
