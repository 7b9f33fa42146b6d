"""Writing: a study reads back as itself; tables appear whole, in the format their ending names."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnpoint.errors import StudyError, UsageError
from turnpoint.study.reading import read, read_frames
from turnpoint.study.schema import TABLES
from turnpoint.study.writing import write_study, write_table

# Text as a study can hold it: no outer space, not a word for missing, no control characters.
WORDS = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=8
).filter(
    lambda text: (
        text == text.strip() and text.lower() not in ("na", "n/a", ".", "nan", "null") and text[0] != "\ufeff"
    )
)
SIZES = st.floats(0.5, 500, allow_subnormal=False)
VALUES = st.floats(1e-6, 1e9)
DAYS = st.integers(-100, 2000)


@st.composite
def study_frames(draw):
    patients = draw(st.lists(WORDS, min_size=1, max_size=3, unique_by=lambda text: text))
    one = st.sampled_from(patients)
    rows = draw(st.lists(st.tuples(one, DAYS, WORDS, SIZES), max_size=6, unique_by=lambda row: row[:3]))
    results = draw(
        st.lists(
            st.tuples(
                one,
                DAYS,
                st.sampled_from([("PSA", "ug/L"), ("CEA", "mg/L"), ("LDH", "nkat/L"), ("my marker", "au")]),
                VALUES,
                st.sampled_from(["", "<", ">"]),
                st.one_of(st.none(), VALUES),
            ),
            min_size=1,
            max_size=6,
            unique_by=lambda row: (row[0], row[1], row[2][0]),
        )
    )
    doses = draw(st.lists(st.tuples(one, DAYS, WORDS, st.one_of(st.none(), SIZES)), max_size=4))
    events = draw(st.lists(st.tuples(one, DAYS, st.integers(0, 50), WORDS, st.integers(1, 5)), max_size=4))
    return {
        "patients": pl.DataFrame(
            {
                "patient_id": patients,
                "arm": [draw(st.one_of(st.none(), WORDS)) for _ in patients],
                "start_date": [
                    draw(st.one_of(st.none(), st.dates(date(1990, 1, 1), date(2030, 1, 1)))) for _ in patients
                ],
                "ward": [draw(WORDS) for _ in patients],
            },
            schema={"patient_id": pl.String, "arm": pl.String, "start_date": pl.Date, "ward": pl.String},
        ),
        "lesions": pl.DataFrame(
            [(patient, day, lesion, "target", size, "measured") for patient, day, lesion, size in rows],
            schema={
                "patient_id": pl.String,
                "day": pl.Int64,
                "lesion_id": pl.String,
                "role": pl.String,
                "diameter_mm": pl.Float64,
                "status": pl.String,
            },
            orient="row",
        ),
        "markers": pl.DataFrame(
            [
                (p, day, marker, f"{sign}{value}", unit, upper)
                for p, day, (marker, unit), value, sign, upper in results
            ],
            schema={
                "patient_id": pl.String,
                "day": pl.Int64,
                "marker": pl.String,
                "value": pl.String,
                "unit": pl.String,
                "upper_limit": pl.Float64,
            },
            orient="row",
        ),
        "doses": pl.DataFrame(
            doses,
            schema={"patient_id": pl.String, "day": pl.Int64, "drug": pl.String, "dose": pl.Float64},
            orient="row",
        ),
        "events": pl.DataFrame(
            [(p, day, day + length, term, grade) for p, day, length, term, grade in events],
            schema={
                "patient_id": pl.String,
                "day": pl.Int64,
                "end_day": pl.Int64,
                "term": pl.String,
                "grade": pl.Int64,
            },
            orient="row",
        ),
    }


@pytest.mark.parametrize("written", ["csv", "parquet"])
@given(frames=study_frames())
@settings(max_examples=15, deadline=None)
def test_a_study_reads_back_as_it_was_written(tmp_path_factory, written, frames):
    study = read_frames(frames)
    folder = tmp_path_factory.mktemp("round")
    write_study(study, folder / "a", format=written)
    again = read(folder / "a")
    for table in TABLES:
        before, after = getattr(study, table).drop("source_row"), getattr(again, table).drop("source_row")
        if before.is_empty():
            assert after.is_empty()
        else:
            assert after.equals(before), f"{table}:\n{before}\n{after}"


def test_csv_of_a_study_shows_limits_as_signs_and_parquet_as_a_column(good, study_folder, tmp_path):
    study = read(study_folder(good))
    write_study(study, tmp_path / "c")
    assert "P001,42,CEA,<0.5,ng/mL" in (tmp_path / "c" / "markers.csv").read_text()
    write_study(study, tmp_path / "p", format="parquet")
    markers = pl.read_parquet(tmp_path / "p" / "markers.parquet")
    assert markers["value"].dtype == pl.Float64
    assert markers["censoring"].to_list() == ["none", "none", "left", "none", "none"]


def test_a_study_is_not_written_beside_tables_of_another(good, study_folder, tmp_path):
    study = read(study_folder({"markers.csv": good["markers.csv"]}))
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "Doses.csv").write_text("x")
    with pytest.raises(UsageError, match=r"other: holds Doses\.csv"):
        write_study(study, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["Doses.csv"]


def test_a_study_may_be_written_over_itself(good, study_folder):
    folder = study_folder(good)
    write_study(read(folder), folder)
    assert read(folder).problems == ()


def test_an_unknown_study_format_is_refused(good, study_folder, tmp_path):
    with pytest.raises(UsageError, match="csv, parquet"):
        write_study(read(study_folder(good)), tmp_path / "x", format="xlsx")  # type: ignore[arg-type]


FRAME = pl.DataFrame(
    {
        "patient_id": ["A", "B"],
        "x": [1.5, math.nan],
        "y": [math.inf, -math.inf],
        "when": [date(2024, 1, 2), None],
    }
)


def test_json_is_a_list_of_records_without_nan_or_infinity(tmp_path):
    path = write_table(FRAME, tmp_path / "new" / "out.JSON")

    def refuse(constant):
        raise AssertionError(constant)

    assert json.loads(path.read_text(), parse_constant=refuse) == [
        {"patient_id": "A", "x": 1.5, "y": None, "when": "2024-01-02"},
        {"patient_id": "B", "x": None, "y": None, "when": None},
    ]


def test_csv_and_parquet_write_nan_as_missing_and_keep_infinity(tmp_path):
    write_table(FRAME, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "patient_id,x,y,when\nA,1.5,inf,2024-01-02\nB,,-inf,\n"
    write_table(FRAME, tmp_path / "out.parquet")
    assert pl.read_parquet(tmp_path / "out.parquet").equals(FRAME.with_columns(pl.col("x").fill_nan(None)))


@pytest.mark.parametrize("name", ["out.xlsx", "out", ".csv"])
def test_an_unknown_ending_lists_the_valid_ones(tmp_path, name):
    with pytest.raises(UsageError, match=r"\.csv, \.parquet, \.json"):
        write_table(FRAME, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_place_for_a_table(tmp_path):
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        write_table(FRAME, tmp_path / "out.csv")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "out.csv"
    target.write_text("old")

    def fail(self, path):
        Path(path).write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_csv", fail)
    with pytest.raises(UsageError, match="no space left on device"):
        write_table(FRAME, target)
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert target.read_text() == "old"


def test_read_frames_reports_frames_under_their_table_names():
    with pytest.raises(StudyError, match="markers, unit: the column is missing"):
        read_frames(
            {"markers": pl.DataFrame({"patient_id": ["A"], "day": [0], "marker": ["PSA"], "value": [1.0]})}
        )
