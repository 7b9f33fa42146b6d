"""The declared schema agrees with what a `Study` promises, and renders as documentation."""

from __future__ import annotations

import polars as pl
import pytest

from turnpoint.study.schema import TABLES, as_markdown, fold


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (
            "patients",
            "patient_id arm tumour_type sex birth_year start_date line death_day last_alive_day source_row",
        ),
        (
            "lesions",
            "patient_id day lesion_id role visit site node diameter_mm status method reader source_row",
        ),
        (
            "markers",
            "patient_id day marker value unit upper_limit assay visit censoring reported_value reported_unit source_row",
        ),
        ("doses", "patient_id day drug dose unit action cycle regimen line source_row"),
        ("events", "patient_id day end_day term grade source_row"),
    ],
)
def test_frames_have_the_columns_that_study_promises(table, columns):
    assert TABLES[table].frame_schema.names() == columns.split()


def test_time_counts_in_whole_days_everywhere():
    timed = [table for table in TABLES.values() if table.timed]
    assert len(timed) == 4
    assert all(table.frame_schema["day"] == pl.Int64 for table in timed)


def test_no_two_columns_of_a_table_fold_to_one_name():
    for table in TABLES.values():
        names = [fold(name) for column in table.columns for name in (column.name, *column.aliases)]
        assert len(set(names)) == len(names)


def test_markdown_lists_every_column_once_with_required_ones_in_bold():
    text = as_markdown()
    for table in TABLES.values():
        section = text.split(f"### {table.name}\n")[1].split("### ")[0]
        rows = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| ")][1:]
        rows = [row for row in rows if row != "| ---"]
        assert len(rows) == len(table.columns)
        for column, row in zip(table.columns, rows, strict=True):
            assert (f"**{column.name}**" in row) == column.required
    assert "| diameter_mm | number | mm | 0 to 500; doubtful above 300 |" in text
