"""RS and the sums of TR as reported responses."""

import polars as pl
import pytest

from tests.formats.transport import size, write
from turnpoint.formats.datasets.files import dataset_files
from turnpoint.formats.sdtm.responses import reported_responses
from turnpoint.study.findings import Findings

STARTS = pl.DataFrame({"patient_id": ["P1"], "start_date": ["2024-01-10"]}).with_columns(
    pl.col("start_date").str.to_date()
)


def told(code, result, **other):
    row = {
        "USUBJID": "P1",
        "RSTESTCD": code,
        "RSSTRESC": result,
        "RSDTC": "2024-02-21",
        "RSDY": None,
        "VISITNUM": 2.0,
    }
    return row | other


def read(folder, *rows, criteria="recist-1.1", tr=()):
    write(folder, "RS", rows)
    if tr:
        write(folder, "TR", tr)
    findings = Findings()
    frame = reported_responses(dataset_files(folder), STARTS, criteria, findings)
    return frame, "\n".join(map(str, findings.listed()))


@pytest.mark.parametrize(
    ("code", "item"),
    [
        ("OVRLRESP", "overall_response"),
        ("TRGRESP", "target_response"),
        ("NTRGRESP", "non_target_response"),
        ("NEWLPROG", "new_lesion"),
        ("BESTRESP", "best_response"),
        ("CBOR", "confirmed_best_response"),
    ],
)
def test_code_says_what_was_reported(tmp_path, code, item):
    assert read(tmp_path, told(code, "PR"))[0].row(0) == ("P1", None, 42, "2", item, "PR")


def test_reader_is_the_evaluators_identifier_or_else_the_evaluator(tmp_path):
    rows = [
        told("OVRLRESP", "PR", RSEVAL="INDEPENDENT ASSESSOR", RSEVALID="R1"),
        told("OVRLRESP", "SD", RSEVAL="INV"),
    ]
    assert read(tmp_path, *rows)[0]["reader"].to_list() == ["R1", "INV"]


def test_response_dated_by_a_month_has_its_visit_alone(tmp_path):
    frame, _ = read(tmp_path, told("OVRLRESP", "PR", RSDTC="2024-02"))
    assert frame.select("day", "visit").row(0) == (None, "2")


@pytest.mark.parametrize(
    ("criteria", "category", "kept"),
    [
        ("recist-1.1", "RECIST 1.1", True),
        ("recist-1.1", None, True),
        ("recist-1.1", "iRECIST", False),
        ("recist-1.1", "PCWG SCHER PROSTATE CANCER 2016", False),
        ("irecist", "iRECIST", True),
        ("irecist", "RECIST 1.1", False),
    ],
)
def test_responses_by_other_criteria_are_counted_and_not_compared(tmp_path, criteria, category, kept):
    frame, problems = read(tmp_path, told("OVRLRESP", "PR", RSCAT=category), criteria=criteria)
    assert frame.height == int(kept)
    assert ("responses by other criteria" in problems) is not kept


def test_kinds_that_are_not_compared_are_counted(tmp_path):
    frame, problems = read(tmp_path, told("OVRLRESP", "PR"), told("SYMPTDTR", "Y"))
    assert frame.height == 1
    assert "1 record: responses of a kind that is not compared" in problems


def test_sums_of_tr_are_reported_sums_in_mm(tmp_path):
    total = size("", None, 4.25, "SUMDIAM", TRSTRESU="cm", TRDTC="2024-02-21", VISITNUM=2.0) | {
        "TRLNKID": None
    }
    frame, _ = read(tmp_path, told("OVRLRESP", "PR"), tr=[total])
    assert frame.row(1) == ("P1", None, 42, "2", "sum_of_diameters_mm", "42.5")


@pytest.mark.parametrize(
    ("category", "criteria"),
    [
        ("RECIST 1.1", {"recist-1.1"}),
        ("RECIST 1.1 - CA125", {"gcig-combined"}),
        ("RECIST v1.1 / GCIG CA-125", {"gcig-combined"}),
        ("GCIG-COMBINED", {"gcig-combined"}),
        ("CA125", {"gcig-ca-125"}),
        ("GCIG CA-125", {"gcig-ca-125"}),
        ("RUSTIN CRITERIA", {"gcig-ca-125"}),
        ("GCIG", {"gcig-ca-125", "gcig-combined"}),
        ("iRECIST", {"irecist"}),
        ("IMMUNE RECIST 1.1", {"irecist"}),
        ("PCWG SCHER PROSTATE CANCER 2016", {"pcwg3-psa"}),
        ("PCWG3", {"pcwg3-psa"}),
        ("PCWG3-MODIFIED RECIST 1.1", {"pcwg3-psa"}),
        ("CHESON 2007", set()),
    ],
)
def test_category_is_compared_with_its_own_criteria_alone(tmp_path, category, criteria):
    found = {
        name
        for name in ("recist-1.1", "irecist", "gcig-ca-125", "gcig-combined", "pcwg3-psa")
        if read(tmp_path, told("OVRLRESP", "PR", RSCAT=category), criteria=name)[0].height
    }
    assert found == criteria


def test_response_of_the_marker_comes_before_the_overall_one_of_pcwg(tmp_path):
    rows = [
        told("OVRLRESP", "PD", RSCAT="PCWG3"),
        told("MRKRRESP", "PR", RSCAT="PCWG3"),
    ]
    frame, _ = read(tmp_path, *rows, criteria="pcwg3-psa")
    assert frame["reported"].to_list() == ["PR"]
    frame, text = read(tmp_path, rows[0], criteria="pcwg3-psa")
    assert frame["reported"].to_list() == ["PD"]
    assert "which rest on bone and soft tissue as well as on PSA" in text
