"""The rows of `benchmarks.quality`, and how it tells of them."""

from __future__ import annotations

import pytest
import yaml

from benchmarks import quality, quality_table
from ondevice_rec.schemas import config


@pytest.mark.parametrize("row", quality.rows())
def test_every_row_is_a_configuration_the_pipeline_takes(row, tmp_path):
    path = tmp_path / "row.yaml"
    path.write_text(yaml.safe_dump(quality.configuration(row, 7, "/data")))
    loaded = config.load(str(path))
    assert loaded.training.seed == 7
    assert loaded.log.path.startswith("/data/")
    # The figures are those of the file that ships.
    assert loaded.evaluation.measured == loaded.evaluation.TFLITE
    assert loaded.pipeline_name == row.split("/")[0]


def result(row, seed, recall, pushed=True):
    variants = [
        {"precision": "FLOAT32", "size": 4000, "p50_us": 20.0, "ndcg_loss": 0.0},
        {"precision": "INT8_WEIGHTS", "size": 1000, "p50_us": 30.0, "ndcg_loss": 0.01},
    ]
    return {
        "row": row,
        "seed": seed,
        "training_seconds": 60.0,
        "epochs": 4,
        "models": {
            "candidate": {"recall@10": recall, "ndcg@10": recall / 2},
            "popularity": {"recall@10": 0.05, "ndcg@10": 0.02},
            "markov": {"recall@10": 0.1, "ndcg@10": 0.05},
        },
        "pushed": pushed,
        "variants": variants if pushed else [],
    }


def test_a_row_is_the_mean_and_spread_of_its_seeds():
    (line,) = quality_table.rows([result("a", 1, 0.1), result("a", 2, 0.2)])
    # The sample standard deviation of two values is their distance over root 2.
    assert line["HR@10"] == "0.1500 ± 0.0707"
    assert line["NDCG@10"] == "0.0750 ± 0.0354"
    assert line["seeds"] == 2
    assert line["popularity"] == "0.0500 / 0.0200"
    assert (line["bytes"], line["int8 bytes"]) == ("4,000", "1,000")
    assert line["int8 NDCG loss"] == "0.0100"


def test_a_recipe_changes_the_model_and_not_the_task():
    preset = quality.configuration("movielens-1m", 1, "/data")
    for recipe in ("lstm", "default"):
        config = quality.configuration(f"movielens-1m/{recipe}", 1, "/data")
        assert config["evaluation"] == preset["evaluation"]
        assert config["hparams"]["exclude_seen"] is True
        assert config["hparams"]["num_predictions"] == 100
    [group] = config["input_spec"]["activity_feature_groups"]
    assert group["encoder_type"] == "STATE_SPACE"
    assert group["features"][0]["feature_length"] == 50
    assert (
        "exclude_seen"
        not in quality.configuration("movielens-100k/lstm", 1, "/data")["hparams"]
    )


def test_a_model_that_was_refused_has_quality_but_no_file():
    (line,) = quality_table.rows([result("a", 1, 0.03, pushed=False)])
    assert line["HR@10"] == "0.0300"
    assert line["bytes"] == line["us a call"] == "-"


def test_the_picture_is_drawn(tmp_path):
    results = [
        result("movielens-1m", 1, 0.3),
        result("movielens-1m/gru", 1, 0.2),
        result("movielens-100k/bow-model-maker", 1, 0.02, pushed=False),
    ]
    quality_table.plot(results, str(tmp_path / "front.svg"))
    drawn = (tmp_path / "front.svg").read_text()
    assert drawn.startswith("<?xml")


def test_unknown_rows_are_answered_with_the_known(capsys):
    with pytest.raises(SystemExit, match="2"):
        quality.main(["movielens-2m"])
    assert "There are: movielens-1m, " in capsys.readouterr().err
