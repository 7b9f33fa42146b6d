"""SAS transport files: recognised by their content, read as text and numbers, and damaged ones told in one problem."""

import builtins
from pathlib import Path

import polars as pl
import pyreadstat
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import turnpoint as tp
from tests.formats.transport import named, size, write
from turnpoint.formats import recognise
from turnpoint.formats.datasets import files, xpt
from turnpoint.study.findings import Findings
from turnpoint.workflows.opening import inspect

TR = [size("T01", 1, 20.0), size("T01", 43, 10.5)]


def only_error(path: Path) -> str:
    study, problems = inspect(path)
    assert study is None
    texts = [str(problem) for problem in problems if problem.severity == "error"]
    assert len(texts) == 1, texts
    return texts[0]


def test_file_is_recognised_by_its_content_when_its_name_says_nothing(tmp_path):
    path = write(tmp_path, "TR", TR, name="export.dat")
    assert recognise(path).name == "CDISC SDTM and ADaM data sets"
    study, _ = inspect(path)
    assert study.lesions["diameter_mm"].to_list() == [20.0, 10.5]


def test_domain_is_what_the_records_say_not_the_name_of_the_file(tmp_path):
    findings = Findings()
    found = xpt.describe(write(tmp_path, "TR", TR, name="ae.xpt"), findings)
    assert (found.domain, found.columns["TRDY"]) == ("TR", "TRDY")


def test_text_is_stripped_and_never_empty_and_missing_columns_are_null(tmp_path):
    path = write(tmp_path, "TU", [named("T01", "  TARGET ", ""), named("T02", "NEW", "LIVER")])
    wanted = {"TUSTRESC": pl.String(), "TULOC": pl.String(), "TUEVAL": pl.String(), "TUDY": pl.Float64()}
    findings = Findings()
    frame = files.read_columns(xpt.describe(path, findings), wanted, findings)
    assert frame.rows() == [("TARGET", None, None, 1.0, 2), ("NEW", "LIVER", None, 1.0, 3)]


def test_number_wanted_as_text_has_no_decimals_when_it_is_whole(tmp_path):
    rows = [size("T01", 1, 20.0, VISITNUM=3.0), size("T01", 9, 20.0, VISITNUM=3.01)]
    findings = Findings()
    dataset = xpt.describe(write(tmp_path, "TR", rows), findings)
    frame = files.read_columns(dataset, {"VISITNUM": pl.String()}, findings)
    assert frame["VISITNUM"].to_list() == ["3", "3.01"]


def test_file_that_is_cut_off_is_one_error(tmp_path):
    path = write(tmp_path, "TR", TR)
    path.write_bytes(path.read_bytes()[:-7])
    assert "the file is cut off" in only_error(path)


def test_file_of_several_data_sets_is_one_error(tmp_path):
    first, second = (write(tmp_path, "TR", TR, name=name).read_bytes() for name in ("a.xpt", "b.xpt"))
    (tmp_path / "b.xpt").unlink()
    (tmp_path / "a.xpt").write_bytes(first + second[240:])
    assert "the file holds 2 data sets" in only_error(tmp_path / "a.xpt")


def test_other_file_with_the_ending_is_one_error(tmp_path):
    path = tmp_path / "tr.xpt"
    path.write_bytes(b"PK\x03\x04 a workbook" * 40)
    assert "the file is no data set of SDTM or ADaM" in only_error(path)


def test_folder_with_a_study_table_is_a_study_folder_whatever_lies_beside(tmp_path):
    write(tmp_path, "TR", TR)
    (tmp_path / "lesions.csv").write_text(
        "patient_id,day,lesion_id,role,diameter_mm,status\nA,0,T1,target,9,measured\n"
    )
    assert recognise(tmp_path) is None
    assert tp.read(tmp_path).patient_ids == ["A"]


def test_error_names_the_extra_when_pyreadstat_is_not_installed(tmp_path, monkeypatch):
    path = write(tmp_path, "TR", TR)
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name == "pyreadstat":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(tp.MissingExtraError, match=r"turnpoint\[cdisc\]"):
        tp.read(path)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cut=st.integers(0, 40), places=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=12)
)
@example(cut=0, places=[(810, 255)])
def test_damaged_file_is_read_or_refused_with_problems_but_never_raises(tmp_path, cut, places):
    path = write(tmp_path, "TR", TR)
    data = bytearray(path.read_bytes())
    for place, byte in places:
        data[place % len(data)] = byte
    path.write_bytes(bytes(data[: len(data) - 80 * cut if cut else None]))
    study, problems = inspect(path)
    assert study is not None or any(problem.severity == "error" for problem in problems)


@pytest.mark.parametrize("version", [5, 8])
def test_large_file_is_read_whole_in_parts(tmp_path, monkeypatch, version):
    monkeypatch.setattr(xpt, "_ROWS_FIRST", 3)
    sizes = [float(mm) for mm in range(10, 31)]
    frame = pl.DataFrame({"DOMAIN": "TR", "TRSTRESN": sizes})
    path = tmp_path / "tr.xpt"
    pyreadstat.write_xport(frame, str(path), table_name="TR", file_format_version=version)
    findings = Findings()
    found = files.read_columns(xpt.describe(path, findings), {"TRSTRESN": pl.Float64()}, findings)
    assert found["TRSTRESN"].to_list() == sizes
    assert found["record"].to_list() == list(range(2, 23))


def test_two_columns_of_one_name_are_one_error(tmp_path):
    path = write(tmp_path, "TR", TR)
    path.write_bytes(path.read_bytes().replace(b"TRTESTCD", b"TRLNKID "))
    assert "two columns have the same name" in only_error(path)


def test_version_8_is_read_with_its_long_names(tmp_path):
    frame = pl.DataFrame({"DOMAIN": ["TR"], "A_NAME_OF_MORE_THAN_8_LETTERS": ["x"], "TRDY": [1.0]})
    path = tmp_path / "tr.xpt"
    pyreadstat.write_xport(
        frame, str(path), table_name="TR", file_format_version=8, column_labels=["d", "a label " * 12, "day"]
    )
    found = xpt.describe(path, Findings())
    assert (found.domain, sorted(found.columns)) == (
        "TR",
        ["A_NAME_OF_MORE_THAN_8_LETTERS", "DOMAIN", "TRDY"],
    )


@pytest.mark.parametrize("version", [5, 8])
@pytest.mark.parametrize("kept", [80, 160, 240, 400, 640, 800, 1600])
def test_file_cut_off_after_a_whole_record_is_one_error_or_a_shorter_study(tmp_path, version, kept):
    frame = pl.DataFrame({name: [row.get(name) for row in TR] for name in TR[0]}).with_columns(
        DOMAIN=pl.lit("TR")
    )
    frame = frame.with_columns(pl.col("TRDY").cast(pl.Float64), pl.col(pl.Null).cast(pl.Float64))
    path = tmp_path / "tr.xpt"
    pyreadstat.write_xport(frame, str(path), table_name="TR", file_format_version=version)
    path.write_bytes(path.read_bytes()[:kept])
    assert only_error(path)
