"""Which engines are taken, and which are refused by name."""

from __future__ import annotations

import pytest

from ondevice_rec.pipelines import cli, engines
from ondevice_rec.schemas.errors import UserError


@pytest.mark.parametrize(
    "named",
    [
        "DaskRunner",
        "dask",
        "apache_beam.runners.dask.dask_runner.DaskRunner",
        "ray_beam.ray_runner.RayRunner",
        "beam_pyspark_runner.pyspark_runner.PySparkRunner",
    ],
)
def test_engines_that_lose_data_are_refused(named: str) -> None:
    for given in ([f"--runner={named}"], ["--runner", named]):
        with pytest.raises(UserError, match=r"docs/scaling\.md") as raised:
            engines.beam_args(given)
        assert named in str(raised.value)


def test_spark_by_its_job_server_is_not_pyspark() -> None:
    assert "--runner=SparkRunner" in engines.beam_args(["--runner=SparkRunner"])


def test_without_a_runner_everything_runs_in_this_process() -> None:
    found = engines.beam_args(["--direct_num_workers=2"])
    assert found == (*engines.LOCAL_BEAM_ARGS, "--direct_num_workers=2")


def test_workers_are_taken_to_have_the_package_unless_told_how_to_get_it() -> None:
    given = ["--runner=FlinkRunner", "--environment_type=EXTERNAL"]
    assert engines.beam_args(given) == (*given, "--sdk_container_image=none")
    given = ["--runner=DataflowRunner", "--sdk_container_image=eu.gcr.io/me/rec"]
    assert engines.beam_args(given) == tuple(given)


def test_what_is_no_argument_is_named() -> None:
    with pytest.raises(UserError, match="received 'FlinkRunner'"):
        engines.beam_args(["FlinkRunner"])


def test_the_command_refuses_before_it_loads_anything(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = cli.main(["run", "config.yaml", "--beam-arg=--runner=DaskRunner"])
    assert code == 2
    assert "DaskRunner gives wrong results" in capsys.readouterr().err
