"""What `compile --target kubeflow` says no to, and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondevice_rec.pipelines import cli

GOOD = {"--root": "gs://bucket/walks", "--image": "registry.example.org/rec:1"}


def refused(
    config: Path, capsys: pytest.CaptureFixture[str], options: dict[str, str | None]
) -> str:
    """The message of a command with other options; None leaves one out."""
    asked = GOOD | options
    words = [word for pair in asked.items() if pair[1] is not None for word in pair]
    output = str(config.parent / "compiled")
    command = ["compile", str(config), "--target", "kubeflow", "-o", output]
    assert cli.main([*command, *map(str, words)]) == 2
    assert not Path(output).exists()
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"--image": None}, "needs --image"),
        ({"--image": "Registry/Rec:1"}, "'Registry/Rec:1' is no name of an image"),
        ({"--image": "rec:1 "}, "no name of an image"),
        ({"--image": "RecommendationTrainer=rec:1"}, "needs --image"),
        ({"--root": None}, "needs --root"),
        ({"--root": "/tmp/walks"}, "gs://, s3://, minio://; received /tmp/walks"),
        ({"--root": "gs://"}, "gs://BUCKET/FOLDER"),
        ({"--resources": "RecommendationTrainer=8"}, "such as RecommendationTrainer="),
        ({"--resources": "8,32G"}, "must be NAME=VALUE, received '8,32G'"),
        ({"--resources": "TopKEvaluator=0,1G"}, "received '0,1G'"),
        ({"--volume": "data=relative"}, "DIR a folder such as /data"),
        ({"--volume": "Data=/data"}, "'Data' is no name of a PersistentVolumeClaim"),
        ({"--retries": "-1"}, "--retries must be >= 0"),
    ],
)
def test_options_that_cannot_be(
    data: Path,
    capsys: pytest.CaptureFixture[str],
    options: dict[str, str | None],
    told: str,
) -> None:
    assert told in refused(data / "config.yaml", capsys, options)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "log.csv is a file of this machine, which the cluster does not see"),
        ("log: {path: s3://b/log.csv}", "TensorFlow knows gs:// alone"),
        ("log: {path: gs://b/log.csv}", "`catalogue.path` "),
        (
            "log: {path: gs://b/log.csv}\ncatalogue: {path: gs://b/items.csv}",
            "`serving.push_dir` must be in gs:// or s3:// or on a volume",
        ),
        ("pipeline_name: Walks_Again", "`pipeline_name`, received 'Walks_Again'"),
    ],
)
def test_paths_that_containers_do_not_reach(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    line: str,
    told: str,
) -> None:
    text = (data / "config.yaml").read_text()
    for change in filter(None, line.split("\n")):
        name, _, value = change.partition(": ")
        old = next(found for found in text.split("\n") if found.startswith(name))
        new = old.replace(old.partition(": ")[2], value)
        if "{path: " in value:
            path = value.removeprefix("{path: ").removesuffix("}")
            before = old.partition("{path: ")[2].partition(",")[0]
            new = old.replace(before, path)
        text = text.replace(old, new)
    changed = tmp_path / "config.yaml"
    changed.write_text(text)
    assert told in refused(changed, capsys, {})


def test_a_push_folder_that_follows_from_minio(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (data / "config.yaml").read_text()
    changed = tmp_path / "config.yaml"
    changed.write_text(text.replace(f"serving: {{push_dir: {data}/serving}}\n", ""))
    told = refused(
        changed, capsys, {"--root": "minio://bucket/walks", "--volume": f"data={data}"}
    )
    assert "received minio://bucket/walks/serving, which follows from --root" in told
