"""`turnpoint survival` and `turnpoint fit --survival` from the command line."""

import json

import numpy as np
import polars as pl
import pytest

from benchmarks.survival_simulation import simulated_trial
from turnpoint.cli.survival_command import parsed_landmarks
from turnpoint.errors import UsageError
from turnpoint.model.prior import shipped_priors
from turnpoint.study.writing import write_study

ALIVE = "patient_id,tumour_type,last_alive_day\nP001,lung cancer,400\nP002,lung cancer,300\n"


@pytest.fixture
def followed(study_folder):
    """The tiny study with its patients followed."""
    (study_folder / "patients.csv").write_text(ALIVE)
    return study_folder


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    """A trial with deaths, as a folder."""
    simulated = simulated_trial(shipped_priors()["docetaxel-nsclc-ct"], 40, np.random.default_rng(3)).study
    folder = tmp_path_factory.mktemp("trial")
    write_study(simulated, folder)
    return folder


def test_table_is_written_and_summed_up(run, followed, tmp_path):
    out = tmp_path / "s.csv"
    found = run("survival", followed, "--landmark-weeks", "8,12,60", "--out", out)
    assert found.exit_code == 0, found.output
    table = pl.read_csv(out)
    assert table.select("patient_id", "landmark_week").rows() == [
        ("P001", 8), ("P001", 12), ("P002", 8), ("P002", 12),
    ]  # fmt: skip
    assert "claret, published: MONET1" in found.stdout
    assert "(934 patients)" in found.stdout
    assert "taken at its reference value: asian, ever_smoked" in " ".join(found.stdout.split())
    assert "its own uncertainty was not published" in found.stdout
    assert "the order of patients may hold where the chances do not" in " ".join(found.stdout.split())
    assert "week 8: 2 patients (0 not known to be alive then); alive 6 months later" in " ".join(
        found.stdout.split()
    )
    assert "week 60: 0 patients (2 not known to be alive then)" in " ".join(found.stdout.split())


def test_without_out_the_first_rows_are_shown_and_a_patient_without_a_size_is_counted(run, followed):
    with (followed / "lesions.csv").open("a") as lesions:
        lesions.write("P003,70,T1,target,50,measured\n")
    with (followed / "patients.csv").open("a") as patients:
        patients.write("P003,lung cancer,400\n")
    found = run("survival", followed, "--link", "struemper", "--landmark-weeks", "8")
    assert found.exit_code == 0, found.output
    assert "1 without a size by then" in " ".join(found.stdout.split())
    assert "P001" in found.stdout
    assert "survival_6m" in found.stdout


def test_table_on_stdout_leaves_the_summary_to_stderr(run, followed):
    found = run("survival", followed, "--out", "-")
    assert found.stdout.startswith("patient_id,landmark_week,last_visit_day,survival_6m,")
    assert "Link" in found.stderr


@pytest.mark.parametrize("method", [None, "landmark"])
def test_fitted_link_is_written_and_read_again(run, trial, tmp_path, method):
    out, prior = tmp_path / "own.json", ("--prior", "docetaxel-nsclc-ct")
    more = () if method is None else ("--method", method, "--landmark-weeks", "8 16")
    fitted = run("fit", trial, "--survival", *prior, *more, "--out", out)
    assert fitted.exit_code == 0, fitted.output
    card = json.loads(out.read_text())["card"]
    assert (card["method"], card["landmark_weeks"]) == (
        ("shared", []) if method is None else ("landmark", [8, 16])
    )
    said = " ".join(fitted.stdout.split())
    assert (
        f"{card['method']} link, log-normal, to {card['patients']} patients, {card['deaths']} deaths" in said
    )
    assert "sizes read with the prior docetaxel-nsclc-ct" in said
    assert "saturating_growth" in said
    assert "(standard error" in said
    assert "deaths only" in said
    assert "(the link own)" in said
    again = run("survival", trial, "--link", out, *prior, "--landmark-weeks", "8")
    assert again.exit_code == 0, again.output
    said = " ".join(again.stdout.split())
    assert f"own, {card['method']}: " in said
    assert f"{card['deaths']} deaths)" in said
    assert "not published" not in said
    assert "deaths only" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--link", "clarett"), "there is no link 'clarett'"),
        (("--landmark-weeks", "8;16"), "whole weeks with commas between them"),
        (("--landmark-weeks", "0"), "a landmark is a whole number of weeks from 1 to 1043"),
        (("--landmark-weeks", ""), "whole weeks with commas"),
        (("--out", "s.txt"), ".csv"),
    ],
)
def test_wrong_usage_is_said_in_one_message(run, followed, arguments, said):
    found = run("survival", followed, *arguments)
    assert found.exit_code == 2
    assert said in " ".join(found.stderr.split())


def test_damaged_link_is_said_in_one_message(run, followed, tmp_path):
    path = tmp_path / "link.json"
    path.write_text("{}")
    found = run("survival", followed, "--link", path)
    assert found.exit_code == 1
    assert "link link.json: format is not" in found.stderr


@pytest.mark.parametrize(
    ("patients", "arguments", "said"),
    [
        (ALIVE, ("survival", "--landmark-weeks", "90"), "known to be alive at week 90"),
        (ALIVE, ("fit", "--survival", "--out", "x.json"), "no death is recorded"),
        (
            ALIVE.replace("last_alive_day", "death_day"),
            ("fit", "--survival", "--out", "x.json"),
            "2 patients died",
        ),
    ],
)
def test_study_that_cannot_be_used_is_said_in_one_message(
    run, followed, tmp_path, monkeypatch, patients, arguments, said
):
    monkeypatch.chdir(tmp_path)
    (followed / "patients.csv").write_text(patients)
    found = run(arguments[0], followed, *arguments[1:])
    assert found.exit_code == 1, found.output
    assert said in " ".join(found.stderr.split())
    assert not (tmp_path / "x.json").exists()


@pytest.mark.parametrize(
    "option", [("--method", "shared"), ("--landmark-weeks", "8"), ("--prior", "generic")]
)
def test_options_of_a_link_need_survival(run, followed, tmp_path, option):
    found = run("fit", followed, *option, "--out", tmp_path / "x.json")
    assert found.exit_code == 2
    assert f"{option[0]} is of a link" in found.stderr


def test_method_that_is_none_is_wrong_usage(run, followed, tmp_path):
    found = run("fit", followed, "--survival", "--method", "joint", "--out", tmp_path / "x.json")
    assert found.exit_code == 2
    assert "'joint' is not one of shared, landmark" in found.stderr


@pytest.mark.parametrize(
    ("text", "weeks"), [("8,16,24", (8, 16, 24)), (" 8 , 16", (8, 16)), ("8 16", (8, 16)), ("12", (12,))]
)
def test_landmarks_are_whole_weeks_with_commas_or_spaces(text, weeks):
    assert parsed_landmarks(text) == weeks


@pytest.mark.parametrize("text", ["", ",", "8.5", "-8", "８", "eight"])
def test_landmarks_that_are_no_whole_weeks_are_refused(text):
    with pytest.raises(UsageError, match="whole weeks"):
        parsed_landmarks(text)


def test_no_page_of_a_patient_speaks_of_survival_links(run, followed, tmp_path):
    for audience in ("patient", "clinician"):
        out = tmp_path / f"{audience}.html"
        found = run("report", followed, "--patient", "P001", "--audience", audience, "--out", out)
        assert found.exit_code == 0, found.output
        assert "survival_" not in out.read_text()
        assert "claret" not in out.read_text().lower()
