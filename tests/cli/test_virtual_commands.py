"""`turnpoint simulate` and `turnpoint trial` from the command line."""

from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from turnpoint.cli.failures import GuardedGroup
from turnpoint.cli.simulate_command import parsed_markers, simulate
from turnpoint.cli.trial_command import trial
from turnpoint.errors import UsageError

DECLARED = """
[trial]
patients = 30
horizon_weeks = 48
[population]
prior = "docetaxel-nsclc-ct"
[[arm]]
name = "late"
policy = "progression"
[[arm]]
name = "week 12"
policy = "weeks"
after_weeks = 12
"""
APP = typer.Typer(cls=GuardedGroup)
APP.command()(simulate)
APP.command()(trial)


def _run(*arguments):
    return CliRunner().invoke(APP, [str(argument) for argument in arguments])


def test_simulate_writes_a_study_with_its_truth(tmp_path):
    found = _run(
        "simulate",
        "--prior",
        "docetaxel-nsclc-ct",
        "--patients",
        20,
        "--markers",
        "cea@3",
        "--out",
        tmp_path / "v",
    )
    assert found.exit_code == 0, found.output
    assert "20 virtual patients" in found.stdout
    assert {path.name for path in (tmp_path / "v").iterdir()} >= {"lesions.csv", "markers.csv", "truth.csv"}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["cea@3"], {"cea": 3}),
        (["cea@3,psa"], {"cea": 3, "psa": 3}),
        (["cea@3", "ca 19-9@6"], {"cea": 3, "ca 19-9": 6}),
    ],
)
def test_markers_are_names_and_weeks(texts, expected):
    assert parsed_markers(texts) == expected


def test_markers_that_are_wrong_are_named_all_at_once():
    with pytest.raises(UsageError) as caught:
        parsed_markers(["@3", "cea@x,psa@0", "cea@3,CEA@6"])
    assert all(part in str(caught.value) for part in ("`@3`", "`cea@x`", "`psa@0`", "`CEA` is named twice"))


def test_trial_says_what_each_arm_gained_and_goes_on_from_what_is_there(tmp_path):
    file = tmp_path / "trial.toml"
    file.write_text(DECLARED, encoding="utf-8")
    found = _run("trial", file, "--out", tmp_path / "out", "--format", "parquet")
    assert found.exit_code == 0, found.output
    assert "week 12, progression:" in found.stdout
    assert pl.read_parquet(tmp_path / "out" / "outcomes.parquet").height == 60
    assert "week 12: " in found.stdout
    assert "on A and" in found.stdout
    assert "died out" not in found.stdout
    again = _run("trial", file, "--out", tmp_path / "out")
    assert "30 of them in an earlier run" in again.stdout


def test_trial_says_how_often_tumours_died_out_when_clones_go_by_chance(tmp_path):
    file = tmp_path / "trial.toml"
    file.write_text(DECLARED.replace("[[arm]]", 'clones = "stochastic"\n[[arm]]', 1), encoding="utf-8")
    found = _run("trial", file, "--out", tmp_path / "out")
    assert found.exit_code == 0, found.output
    assert " ".join(found.stdout.split()).count("died out in 0.0% (0.0% to") == 2


def test_trial_exits_2_with_every_mistake_when_the_declaration_is_wrong(tmp_path):
    file = tmp_path / "trial.toml"
    file.write_text(DECLARED.replace("30", "3").replace("after_weeks", "afterweeks"), encoding="utf-8")
    found = _run("trial", file, "--out", tmp_path / "out")
    assert found.exit_code == 2
    assert "trial.patients = 3" in found.stderr
    assert "afterweeks" in found.stderr
    assert sum(line.startswith("- ") for line in found.stderr.splitlines()) == 2
    assert not (tmp_path / "out").exists()


def test_trial_exits_2_when_there_is_no_such_file(tmp_path):
    assert _run("trial", Path("nothing.toml"), "--out", tmp_path / "out").exit_code == 2
