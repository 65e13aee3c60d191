"""docs/migrating.md: its code runs, and its table has every documented name."""

from __future__ import annotations

import functools
import re
import shutil

import pytest
from absl import flags

from ondevice_rec import recommendation
from ondevice_rec.recommendation import config, spec


@pytest.fixture(scope="module")
def page(project_root) -> str:
    return (project_root / "docs" / "migrating.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def blocks(page) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


def run(code: str) -> dict[str, object]:
    names: dict[str, object] = {"__name__": "page"}
    exec(compile(code, "docs/migrating.md", "exec"), names)
    return names


def test_the_spec_example(blocks):
    names = run(blocks[0])
    model = names["spec"].create_model()
    assert [
        f.feature_length for f in model.feature_spec.activity_feature_groups[0].features
    ] == [10]
    assert names["model_hparams"].conv_kernel_size == 16
    # Cut to the sequence.
    assert model.hparams.conv_kernel_size == 10


def test_the_demo(blocks, shared_fake_movielens, tmp_path, monkeypatch, capsys):
    # The page's code trains for 5 x 10,000 steps.
    monkeypatch.setattr(
        recommendation,
        "create",
        functools.partial(recommendation.create, steps_per_epoch=20),
        raising=False,
    )
    extracted = tmp_path / "datasets" / "ml-1m"
    shutil.copytree(shared_fake_movielens, extracted)
    names = run(blocks[1])
    names["define_flags"]()
    export_dir = tmp_path / "export"
    try:
        flags.FLAGS(["demo", f"--data_dir={tmp_path}", f"--export_dir={export_dir}"])
        names["main"](None)
    finally:
        for name in ("data_dir", "export_dir", "encoder_type"):
            delattr(flags.FLAGS, name)
    assert (export_dir / "model.tflite").stat().st_size > 0
    said = capsys.readouterr().out
    assert "Test metrics from Keras model: [" in said
    assert "Test metrics from TFLite model: {'Global_Recall/Recall_1'" in said


def test_any_log(blocks, tmp_path, monkeypatch, capsys):
    rows = [
        f"u{user},item{(user + time) % 9},{time},The {(user + time) % 9},{time}.5,a|b"
        for user in range(30)
        for time in range(8)
    ]
    text = "\n".join(["user,item,timestamp,title,price,tags", *rows]) + "\n"
    (tmp_path / "log.csv").write_text(text)
    monkeypatch.chdir(tmp_path)
    names = run(blocks[2])
    assert [len(names[name]) for name in ("train", "validation", "test")] == [
        150,
        30,
        30,
    ]
    # Among nine items.
    assert names["metrics"][1] > 0.5
    first = capsys.readouterr().out.split("\n")[0]
    assert re.match(r"item\d The \d 0\.\d+", first)


def test_every_documented_name_is_there_and_in_the_table(page):
    table = page[page.index("## Every documented name") :]
    loader, task = recommendation.DataLoader, recommendation.Recommendation
    documented = {
        recommendation: ("create", "Recommendation", "DataLoader", "ModelSpec"),
        loader: (
            *("split", "gen_dataset", "load_vocab", "get_num_classes", "size"),
            *("download_and_extract_movielens", "generate_movielens_dataset"),
            *("from_movielens",),
        ),
        task: (
            *("create_model", "train", "evaluate", "evaluate_tflite", "export"),
            *("create_serving_model", "summary", "input_spec", "model_hparams"),
            *("ALLOWED_EXPORT_FORMAT", "DEFAULT_EXPORT_FORMAT", "OOV_ID"),
        ),
        spec: (
            *("InputSpec", "FeatureGroup", "Feature", "FeatureType", "EncoderType"),
            *("ModelHParams",),
        ),
        config: ("ExportFormat", "QuantizationConfig"),
    }
    for owner, names in documented.items():
        for name in names:
            assert hasattr(owner, name)
            assert name in table
    assert {"create", "DataLoader", "spec", "model_spec"} <= set(dir(recommendation))
    with pytest.raises(AttributeError, match="has no attribute 'Creat'"):
        _ = recommendation.Creat
