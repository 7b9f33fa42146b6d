"""Quality control from files: tables laid out like ours, RS of SDTM, and the command line."""

from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import turnpoint as tp
from tests.formats.transport import size, state, write
from tests.workflows.studies import study_of
from turnpoint.cli.commands import app
from turnpoint.workflows.quality import quality
from turnpoint.workflows.respond import respond

# 100 -> 65: PR; 65 -> 80: PD, from 78 on.
LESIONS = "patient_id,day,lesion_id,role,diameter_mm,status\n" + "\n".join(
    f"P1,{day},T1,target,{mm},measured" for day, mm in ((0, 100), (42, 65), (84, 80))
)
PATIENTS = "patient_id,start_date\nP1,2024-01-10\n"


@pytest.fixture
def study():
    return study_of(lesions=LESIONS, patients=PATIENTS)


def table(folder: Path, text: str, name: str = "reported.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def shown(result):
    return result.differences.select("day", "item", "derived", "reported").rows()


def test_table_of_days_is_compared_item_by_item(study, tmp_path):
    path = table(
        tmp_path,
        "patient_id,day,overall_response,target_response,new_lesion,sum_of_diameters_mm\n"
        "P1,42,PR,SD,N,65\nP1,84,PD,PD,Y,81.2\n",
    )
    result = quality(study, path)
    assert shown(result) == [
        (42, "target_response", "PR", "SD"),
        (84, "new_lesion", "no", "yes"),
        (84, "sum_of_diameters_mm", "80.0", "81.2"),
    ]
    assert result.agreement.select("item", "compared", "agree").rows()[0] == ("overall_response", 2, 2)
    assert result.criteria == "recist-1.1"


def test_dates_count_from_the_start_of_the_study(study, tmp_path):
    path = table(tmp_path, "Subject;Date;Overall\nP1;2024-02-21;Partial response\nP1;2024-04-03;SD\n")
    assert shown(quality(study, path)) == [(84, "overall_response", "PD", "SD")]


def test_own_output_has_no_differences_in_csv_and_parquet(study, tmp_path):
    derived = respond(study)
    derived.responses.write_csv(tmp_path / "responses.csv")
    derived.best_responses.write_parquet(tmp_path / "best_responses.parquet")
    result = quality(study, tmp_path, derived=derived)
    assert result.differences.is_empty()
    assert set(result.agreement["item"]) >= {"overall_response", "best_response", "confirmed_best_response"}


def sdtm(folder: Path, *rows: dict[str, object]) -> Path:
    visits = ((1.0, "2024-01-10", 100), (2.0, "2024-02-21", 65), (3.0, "2024-04-03", 80))
    write(folder, "DM", [{"USUBJID": "P1", "RFSTDTC": "2024-01-10"}])
    write(
        folder,
        "TR",
        [size("T01", None, mm, TRDTC=date, VISITNUM=visit, TREVAL="INVESTIGATOR") for visit, date, mm in visits]
        + [state("NT01", None, "PRESENT", TRDTC=date, VISITNUM=visit, TREVAL="INVESTIGATOR") for visit, date, _ in visits],
    )  # fmt: skip
    write(folder, "RS", rows)
    return folder


def response(visit: float, text: str, date: str, code: str = "OVRLRESP") -> dict[str, object]:
    return {
        "USUBJID": "P1",
        "RSTESTCD": code,
        "RSSTRESC": text,
        "RSEVAL": "INVESTIGATOR",
        "VISITNUM": visit,
        "RSDTC": date,
    }


def test_rs_is_compared_visit_by_visit_even_when_it_is_dated_by_a_month_or_much_later(tmp_path):
    folder = sdtm(tmp_path, response(2.0, "PR", "2024-02"), response(3.0, "SD", "2024-05-20"))
    result = quality(tp.read(folder), folder)
    assert shown(result) == [(84, "overall_response", "PD", "SD")]
    assert result.differences["reader"].to_list() == ["INVESTIGATOR"]


def test_criteria_by_another_name_leave_out_the_responses_by_others(tmp_path):
    own, other = response(2.0, "SD", "2024-02-21"), response(2.0, "iUPD", "2024-02-21")
    folder = sdtm(tmp_path, own | {"RSCAT": "RECIST 1.1"}, other | {"RSCAT": "iRECIST"})
    result = quality(tp.read(folder), folder, "RECIST")
    assert result.criteria == "recist-1.1"
    assert result.agreement.select("compared", "differ").row(0) == (1, 1)
    assert "responses by other criteria than recist-1.1" in result.problems[0].rule


def test_best_response_of_rs_is_compared(tmp_path):
    folder = sdtm(tmp_path, response(2.0, "PR", "2024-02-21"), response(3.0, "PD", "2024-04-03"),
                  response(3.0, "CR", "2024-04-03", "BESTRESP"))  # fmt: skip
    assert shown(quality(tp.read(folder), folder / "rs.xpt")) == [
        (None, "best_response", "PR (confirmed: SD)", "CR")
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("patient_id,day\nP1,42\n", "no column with a response"),
        ("overall_response,day\nPR,42\n", "no column patient_id"),
        ("patient_id,overall_response\nP1,PR\n", "neither day nor date"),
        ("patient_id,day,overall_response\nP1,six,PR\n", "not a whole number"),
        ("patient_id,day,overall_response\n", "no reported response was found"),
    ],
)
def test_table_that_cannot_be_read_is_one_error(study, tmp_path, text, what):
    with pytest.raises(tp.StudyError, match=what) as caught:
        quality(study, table(tmp_path, text))
    assert "P1" not in str(caught.value)


def test_response_reported_twice_is_warned_of(study, tmp_path):
    path = table(tmp_path, "patient_id,day,overall_response\nP1,42,PR\nP1,42,SD\nP1,84,PD\n")
    result = quality(study, path)
    assert result.differences.is_empty()
    assert "1 responses were reported twice" in result.problems[0].rule


def test_path_that_is_not_there_is_an_error(study, tmp_path):
    with pytest.raises(tp.StudyError, match="no such file"):
        quality(study, tmp_path / "nothing.csv")


def test_immune_response_says_why_it_is_unconfirmed(study, tmp_path):
    path = table(tmp_path, "patient_id,day,overall_response\nP1,42,iPR\nP1,84,iSD\n")
    result = quality(study, path, "irecist")
    assert shown(result) == [(84, "overall_response", "iUPD", "iSD")]
    assert result.differences["why"].str.len_chars().item() > 20


def test_marker_criteria_are_compared_without_sizes(tmp_path):
    psa = study_of(markers="patient_id,day,marker,value,unit\nP1,0,PSA,100,ng/mL\nP1,28,PSA,40,ng/mL\n")
    path = table(tmp_path, "patient_id,day,overall_response\nP1,28,SD\n")
    result = quality(psa, path, "pcwg3-psa")
    assert shown(result) == [(28, "overall_response", "PR", "SD")]
    assert result.differences["sum_of_diameters_mm"].to_list() == [None]


def test_command_writes_the_differences_and_says_how_many_agree(tmp_path):
    (tmp_path / "study").mkdir()
    table(tmp_path / "study", LESIONS, "lesions.csv")
    reported = table(tmp_path, "patient_id,day,overall_response\nP1,42,PR\nP1,84,SD\n")
    arguments = ["respond", tmp_path / "study", "--reported", reported, "--out", tmp_path / "out"]
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    assert "overall response: 1 of 2 as reported" in result.stdout
    written = pl.read_csv(tmp_path / "out" / "differences.csv")
    assert written.select("day", "derived", "reported", "progression_at_mm").rows() == [
        (84, "PD", "SD", 78.0)
    ]


def test_command_refuses_a_report_that_is_not_there(tmp_path):
    table(tmp_path, LESIONS, "lesions.csv")
    result = CliRunner().invoke(app, ["respond", str(tmp_path), "--reported", str(tmp_path / "nothing.csv")])
    assert result.exit_code == 2
    assert "--reported: there is no file or folder" in result.stderr
