"""Folders, single files, Parquet, frames; days and dates; what a study looks like once read."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from turnpoint.errors import StudyError
from turnpoint.study import reading
from turnpoint.study.reading import inspect, read, read_frames
from turnpoint.study.schema import TABLES

DATASETS = Path(reading.__file__).parents[1] / "datasets"


def marker_rows(**columns):
    rows = {"patient_id": ["A", "A"], "day": [0, 21], "marker": ["PSA", "PSA"], "value": [4.0, 3.0]}
    return pl.DataFrame({**rows, "unit": ["ng/mL", "ng/mL"], **columns})


@pytest.mark.parametrize("name", ["oak-docetaxel", "ascent2-docetaxel-psa"])
def test_bundled_data_read_without_an_error_or_a_warning_but_of_old_baselines(name):
    study = read(DATASETS / name)
    # Eight patients of the trial have their last scan 29 to 32 days before the first dose.
    assert all("more than 28 days before day 0" in problem.rule for problem in study.problems)
    assert study.name == name
    assert study.lesions.height + study.markers.height in (1658, 280)


def test_every_table_has_the_declared_columns_and_types(good, study_folder):
    study = read(study_folder(good))
    for name, table in TABLES.items():
        assert getattr(study, name).schema == table.frame_schema


def test_tables_that_are_not_there_are_empty_and_patients_are_made_up(good, study_folder):
    study = read(study_folder({"markers.csv": good["markers.csv"]}))
    assert study.patient_ids == ["P001", "P002"]
    assert study.lesions.is_empty()
    assert study.lesions.schema == TABLES["lesions"].frame_schema


def test_rows_are_sorted_by_patient_and_day_and_know_their_line(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_text("patient_id,day,marker,value,unit\nB,0,PSA,1,ng/mL\nA,9,PSA,2,ng/mL\nA,-2,PSA,3,ng/mL\n")
    assert read(file).markers.select("patient_id", "day", "source_row").rows() == [
        ("A", -2, 4),
        ("A", 9, 3),
        ("B", 0, 2),
    ]


def test_unknown_columns_are_kept_at_the_end_even_under_names_that_rules_use(tmp_path):
    file = tmp_path / "lesions.csv"
    file.write_text(
        "patient_id,start_date,day,lesion_id,role,diameter_mm,status,place,rule\n"
        "A,week 1,0,T1,target,30,measured,home,r\n"
    )
    lesions = read(file).lesions
    assert lesions.columns[-4:] == ["source_row", "start_date", "place", "rule"]
    assert lesions.select("start_date", "place", "rule").row(0) == ("week 1", "home", "r")


def test_node_said_once_holds_for_the_lesion(tmp_path):
    file = tmp_path / "lesions.csv"
    file.write_text(
        "patient_id,day,lesion_id,role,node,diameter_mm,status\n"
        "A,0,N1,target,,20,measured\nA,42,N1,target,yes,18,measured\nA,84,N1,target,,16,measured\n"
        "A,0,T1,target,,20,measured\nA,42,T1,target,,18,measured\nA,84,T1,target,,16,measured\n"
    )
    lesions = read(file).lesions
    assert lesions.filter(lesion_id="N1")["node"].to_list() == [True, True, True]
    assert lesions.filter(lesion_id="T1")["node"].to_list() == [False, False, False]


@pytest.mark.parametrize("written", ["Non-Target", "NON TARGET", "nontarget", "non_target"])
def test_categories_are_read_whatever_their_case_and_punctuation(tmp_path, written):
    file = tmp_path / "lesions.csv"
    file.write_text(f"patient_id,day,lesion_id,role,status\nA,0,X1,{written},Present\n")
    assert read(file).lesions.select("role", "status").row(0) == ("non_target", "present")


# Finding the tables


@pytest.mark.parametrize("table", TABLES)
def test_a_single_file_is_recognised_by_its_columns_whatever_its_name(good, tmp_path, table):
    file = tmp_path / "export 2024.csv"
    file.write_text(good[f"{table}.csv"])
    study, problems = inspect(file)
    if table in ("lesions", "markers"):
        assert study is not None
        assert getattr(study, table).height == good[f"{table}.csv"].count("\n") - 1
    else:  # read as what it is, and alone no study
        assert [problem.rule for problem in problems] == ["there is neither a lesion nor a marker"]


def test_columns_outweigh_the_name_of_a_single_file(good, tmp_path):
    file = tmp_path / "lesions.csv"
    file.write_text(good["markers.csv"])
    assert read(file).markers.height == 5


def test_the_name_counts_when_the_columns_do_not_tell(tmp_path):
    file = tmp_path / "Markers.csv"
    file.write_text("patient_id,day,unit\nA,0,ng/mL\n")
    assert [p.column for p in inspect(file)[1]] == ["marker", "value"]


def test_a_single_file_that_is_none_of_the_tables_is_refused(tmp_path):
    file = tmp_path / "lesion_by_reader.csv"
    file.write_text("lesion,reader,size\n1,1,4.95\n")
    assert [p.rule for p in inspect(file)[1]] == ["the columns are those of none of the five tables"]


def test_files_are_found_whatever_their_case(good, study_folder):
    study = read(
        study_folder(
            {"LESIONS.CSV": good["lesions.csv"], "Markers.tsv": good["markers.csv"].replace(",", "\t")}
        )
    )
    assert (study.lesions.height, study.markers.height) == (10, 5)


def test_harmless_files_are_not_mentioned_and_unknown_data_files_are(good, study_folder):
    folder = study_folder(
        good
        | {
            "README.md": "x",
            "LICENSE": "x",
            "truth.csv": "a,b\n",
            ".DS_Store": "x",
            "~$lesions.xlsx": "x",
            "notes.doc": "x",
        }
        | {"lesion.csv": "x", "scans.xlsx": "x"}
    )
    study = read(folder)
    assert [(p.file, p.severity) for p in study.problems] == [
        ("lesion.csv", "warning"),
        ("scans.xlsx", "warning"),
    ]
    assert "Name it lesions.csv" in study.problems[0].mend


def test_one_table_in_two_files_is_an_error(good, study_folder):
    folder = study_folder(good | {"lesions.tsv": good["lesions.csv"].replace(",", "\t")})
    assert [(p.file, p.rule) for p in inspect(folder)[1]] == [
        ("lesions.tsv", "lesions.csv holds the same table")
    ]


@pytest.mark.parametrize("make", ["missing", "empty"])
def test_a_folder_that_is_missing_or_empty_is_named(tmp_path, make):
    folder = tmp_path / "study"
    if make == "empty":
        folder.mkdir()
    with pytest.raises(
        StudyError, match="no such file or folder" if make == "missing" else "none of the five tables"
    ):
        read(folder)


def test_a_file_that_may_not_be_opened_is_a_problem(good, study_folder, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    study, problems = inspect(study_folder({"markers.csv": good["markers.csv"]}))
    assert study is None
    assert [p.rule for p in problems] == ["cannot be opened (permission denied)"]


def test_read_raises_with_every_problem_warnings_too(good, study_folder):
    good["markers.csv"] = good["markers.csv"].replace("8.1", "0").replace("150", "-1").replace("90", "x")
    with pytest.raises(StudyError) as caught:
        read(study_folder(good))
    assert [p.severity for p in caught.value.problems] == ["warning", "error", "error"]


# Parquet and frames


def test_parquet_with_its_own_types_reads_as_csv_does(good, study_folder, tmp_path):
    folder = study_folder(good)
    from_csv = read(folder)
    other = tmp_path / "parquet"
    other.mkdir()
    for table in TABLES:
        pl.read_csv(folder / f"{table}.csv", try_parse_dates=True).write_parquet(other / f"{table}.parquet")
    from_parquet = read(other)
    for table in TABLES:
        assert getattr(from_parquet, table).equals(getattr(from_csv, table))


def test_numeric_identifiers_of_parquet_match_whatever_their_type(tmp_path):
    frames = {
        "patients": pl.DataFrame({"patient_id": [7.0, None, 8.0]}).drop_nulls(),
        "markers": marker_rows(patient_id=[7, 8]),
    }
    assert read_frames(frames).patient_ids == ["7", "8"]


def test_nan_in_a_frame_is_missing_and_infinity_is_an_error():
    with pytest.raises(StudyError) as caught:
        read_frames({"markers": marker_rows(value=[float("nan"), float("inf")])})
    assert [(p.row, p.rule) for p in caught.value.problems] == [
        (2, "the cell is empty"),
        (3, "not a finite number"),
    ]


def test_times_of_day_and_categories_of_a_frame_are_read():
    frames = {
        "patients": pl.DataFrame({"patient_id": ["A"], "start_date": [date(2024, 1, 1)]}),
        "markers": marker_rows(
            marker=pl.Series(["PSA", "PSA"], dtype=pl.Categorical),
            date=pl.Series(["2024-01-01 08:30", "2024-01-22 23:59"]).str.to_datetime("%Y-%m-%d %H:%M"),
        ).drop("day"),
    }
    assert read_frames(frames).markers["day"].to_list() == [0, 21]


def test_a_column_of_lists_is_refused():
    with pytest.raises(StudyError, match="the column holds list values"):
        read_frames({"markers": marker_rows(value=[[1.0], [2.0]])})


def test_a_frame_of_another_name_is_refused():
    with pytest.raises(StudyError, match="not one of the five tables"):
        read_frames({"scans": marker_rows()})


# Days and dates


def dated(tmp_path, start, rows, columns="patient_id,date,marker,value,unit"):
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "patients.csv").write_text(f"patient_id,start_date\nA,{start}\n")
    (folder / "markers.csv").write_text(columns + "\n" + "".join(f"A,{row},PSA,4,ng/mL\n" for row in rows))
    return folder


@pytest.mark.parametrize("start", ["2024-02-28", "2024/2/28", "20240228", "2024-02-28T09:15"])
def test_dates_become_days_from_the_start_across_a_leap_day(tmp_path, start):
    study = read(dated(tmp_path, start, ["2024-02-21", "2024-02-28", "2024-03-01"]))
    assert study.markers["day"].to_list() == [-7, 0, 2]
    assert study.patients["start_date"].to_list() == [date(2024, 2, 28)]
    assert "date" not in study.markers.columns


def test_a_date_without_a_start_date_is_an_error_with_its_mend(tmp_path):
    (problem,) = inspect(dated(tmp_path, "", ["2024-02-21"]))[1]
    assert (problem.file, problem.row, problem.column, problem.value) == (
        "markers.csv",
        2,
        "date",
        "2024-02-21",
    )
    assert problem.mend == "Give start_date (day 0) in patients, or give day instead of date."


def test_an_unreadable_start_date_is_reported_once_where_it_stands(tmp_path):
    (problem,) = inspect(dated(tmp_path, "28.02.2024", ["2024-02-21", "2024-03-21"]))[1]
    assert (problem.file, problem.column) == ("patients.csv", "start_date")


@pytest.mark.parametrize("partial", ["2024", "2024-02", "2024-02-UN", "UN-FEB-2024", "2024---21", "--02-21"])
def test_a_partial_date_is_an_error(tmp_path, partial):
    (problem,) = inspect(dated(tmp_path, "2024-02-28", [partial]))[1]
    assert (problem.value, problem.rule) == (partial, "only part of a date")


def test_day_and_date_must_agree(tmp_path):
    rows = ["0,2024-02-28", "42.0,2024-04-10", "43,2024-05-22", "90,"]
    folder = dated(tmp_path, "2024-02-28", rows, "patient_id,day,date,marker,value,unit")
    (problem,) = inspect(folder)[1]
    assert (problem.row, problem.value, problem.rule) == (4, "43", "day and date contradict each other")
    assert "it is day 84" in problem.mend


def test_end_dates_become_end_days(good, study_folder):
    good["events.csv"] = "patient_id,date,end_date,term,grade\nP001,2024-01-17,2024-01-20,neutropenia,3\n"
    assert read(study_folder(good)).events.select("day", "end_day").row(0) == (7, 10)


@pytest.mark.parametrize("day", ["42", "42.0", "+42", " 42 ", "4.2e1"])
def test_whole_days_are_read_however_written(tmp_path, day):
    file = tmp_path / "markers.csv"
    file.write_text(f"patient_id,day,marker,value,unit\nA,{day},PSA,4,ng/mL\n")
    assert read(file).markers["day"].to_list() == [42]


# What messages may hold


def test_identifiers_in_other_columns_are_not_quoted(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_text("patient_id,day,marker,value,unit\nSMITH,0,PSA,4,ng/mL\n0,SMITH,PSA,4,ng/mL\n")
    (problem,) = inspect(file)[1]
    assert (problem.row, problem.column, problem.value) == (3, "day", None)
    assert "SMITH" not in str(problem)


def test_values_in_messages_are_short_and_fit_for_a_terminal(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_text(
        "patient_id,day,marker,value,unit\nA,0,PSA,\x1b[31mred,ng/mL\nA,5,PSA," + "x" * 99 + ",ng/mL\n"
    )
    first, second = inspect(file)[1]
    assert first.value == "\N{REPLACEMENT CHARACTER}[31mred"
    assert len(second.value) == 40


def test_a_rule_broken_everywhere_is_listed_to_a_limit_and_counted(tmp_path):
    file = tmp_path / "markers.csv"
    rows = "".join(f"A,{day % 7000},PSA,x,ng/mL\n" for day in range(10_003))
    file.write_text("patient_id,day,marker,value,unit\n" + rows)
    problems = [p for p in inspect(file)[1] if p.column == "value"]
    assert len(problems) == 10_001
    assert problems[0].rule == "3 more rows break the rule listed 10,000 times for this column"


def test_excel_takes_leading_zeros_away_and_the_message_says_so(good, study_folder):
    good["markers.csv"] = good["markers.csv"].replace("P002", "p2")
    (problem,) = [p for p in inspect(study_folder(good))[1] if p.severity == "error"]
    assert "leading zeros" in problem.mend


def test_diameters_in_centimetres_are_doubted(tmp_path):
    header = "patient_id,day,lesion_id,role,diameter_mm,status\n"
    file = tmp_path / "lesions.csv"
    file.write_text(header + "".join(f"A,{42 * n},T1,target,{3 + n / 10},measured\n" for n in range(5)))
    assert any("multiply by 10" in p.mend for p in read(file).problems)
    file.write_text(header + "".join(f"A,{42 * n},T1,target,{30 + n},measured\n" for n in range(5)))
    assert read(file).problems == ()


def test_readers_may_differ_in_their_targets(tmp_path):
    file = tmp_path / "lesions.csv"
    file.write_text(
        "patient_id,day,lesion_id,role,diameter_mm,status,reader\n"
        "A,0,T1,target,30,measured,R1\nA,42,T1,target,28,measured,R1\n"
        "A,0,T1,non_target,,present,R2\nA,42,T1,non_target,,present,R2\n"
        "A,0,T2,target,22,measured,R2\nA,42,T2,target,21,measured,R2\n"
    )
    assert read(file).problems == ()


@pytest.mark.parametrize(("day", "warnings"), [(0, 0), (1, 1)])
def test_a_stop_up_to_day_0_says_that_the_drug_was_paused_then(good, study_folder, day, warnings):
    good["doses.csv"] = (
        f"patient_id,day,drug,action\nP001,{day},abiraterone,stop\nP001,90,abiraterone,start\n"
    )
    assert len(read(study_folder(good)).problems) == warnings
