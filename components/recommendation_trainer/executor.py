"""TFX's trainer executor, which also notes on the model how it came about."""

from __future__ import annotations

import json
import os
from typing import Any

from tfx import types
from tfx.components.trainer.executor import GenericExecutor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_component_specs

from ondevice_rec.components import provenance
from ondevice_rec.components.recommendation_trainer import custom_config
from ondevice_rec.recommendation import warm_start
from ondevice_rec.schemas import facts


class Executor(GenericExecutor):
    """Runs `run_fn`, then copies its report's figures to the model artifact."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        base = input_dict.get(standard_component_specs.BASE_MODEL_KEY)
        if base and base[0].get_int_custom_property(facts.ABSENT):
            input_dict = {**input_dict, standard_component_specs.BASE_MODEL_KEY: []}
        super().Do(input_dict, output_dict, exec_properties)
        run = output_dict[standard_component_specs.MODEL_RUN_KEY]
        path = os.path.join(
            artifact_utils.get_single_uri(run), custom_config.REPORT_FILE
        )
        with fileio.open(path) as file:
            report = json.load(file)
        model = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.MODEL_KEY]
        )
        for name in facts.TRAINING_COUNTS:
            model.set_int_custom_property(name, report[name])
        for name in facts.TRAINING_MEASURES:
            model.set_float_custom_property(name, report[name])
        if report["tuned"]:
            model.set_string_custom_property(facts.TUNED, json.dumps(report["tuned"]))
        started = report["warm_start"]
        if started:
            words = str(warm_start.WarmStart(**started))
            model.set_string_custom_property(facts.WARM_START, words)
        provenance.record(output_dict)
