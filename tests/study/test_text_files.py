"""Files as hospitals send them: encodings, separators, decimal marks, quotes, ragged rows, files that are no text."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from turnpoint.study.delimited import cells
from turnpoint.study.findings import Findings
from turnpoint.study.reading import inspect, read

MARKERS = "patient_id,day,marker,value,unit,assay\nA,0,CEA,12.5,µg/L,Käthe\nA,21,CEA,8.5,µg/L,Käthe\n"


def problems_of(path):
    return [(p.severity, p.row, p.column, p.value, p.rule) for p in inspect(path)[1]]


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", None),
        ("utf-16-le", None),
        ("utf-16-be", None),
        ("cp1252", "Windows-1252"),
    ],
)
def test_text_is_read_in_the_encodings_of_spreadsheets(tmp_path, encoding, named):
    file = tmp_path / "markers.csv"
    file.write_bytes(MARKERS.encode(encoding))
    study = read(file)
    assert study.markers["assay"].to_list() == ["Käthe", "Käthe"]
    assert study.markers["unit"].to_list() == ["ng/mL", "ng/mL"]
    assert [named in problem.rule for problem in study.problems] == ([True] if named else [])


def test_chinese_text_of_excel_is_read_and_named(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_bytes("patient_id,day,marker,value,unit\n王,0,癌胚抗原,＜5,ng/mL\n".encode("gb18030"))
    study = read(file)
    assert study.markers.select("patient_id", "marker", "value", "censoring").row(0) == (
        "王",
        "CEA",
        5.0,
        "left",
    )
    assert "GB 18030" in study.problems[0].rule


def test_latin_1_letters_that_windows_lacks_are_read(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_bytes(MARKERS.encode("cp1252").replace(b"K\xe4the", b"K\x81the"))
    assert "Latin-1" in read(file).problems[0].rule


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_every_separator_and_line_end_reads_the_same(tmp_path, end, separator):
    file = tmp_path / "markers.csv"
    file.write_bytes(MARKERS.replace(",", separator).replace("\n", end).encode())
    study = read(file)
    assert study.problems == ()
    assert study.markers["value"].to_list() == [12.5, 8.5]
    assert study.markers["source_row"].to_list() == [2, 3]


def test_excel_separator_line_and_blank_lines_keep_row_numbers(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_bytes(
        b"sep=;\r\npatient_id;day;marker;value;unit\r\n\r\nA;0;PSA;4;ng/mL\r\n;;;;\r\nA;9;PSA;x;ng/mL\r\n"
    )
    assert problems_of(file) == [("error", 6, "value", "x", "not a number")]


def test_decimal_commas_are_read_where_the_separator_is_none(tmp_path):
    file = tmp_path / "lesions.csv"
    file.write_text(
        "patient_id;day;lesion_id;role;diameter_mm;status\n"
        "A;0;T1;target;42,5;measured\nA;40;T1;target;40,125;measured\nA;80;T1;target;33;measured\n"
    )
    assert read(file).lesions["diameter_mm"].to_list() == [42.5, 40.125, 33.0]


def test_one_to_three_digits_comma_three_digits_is_ambiguous_when_nothing_else_tells(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_text("patient_id;day;marker;value;unit\nA;0;PSA;1,234;ng/mL\nA;9;PSA;12;ng/mL\n")
    assert problems_of(file) == [
        ("error", 2, "value", "1,234", "the mark may stand for decimals or for thousands")
    ]


def test_a_point_before_three_digits_is_ambiguous_beside_decimal_commas(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_text("patient_id;day;marker;value;unit\nA;0;PSA;1.234;ng/mL\nA;9;PSA;0,5;ng/mL\n")
    assert problems_of(file) == [
        ("error", 2, "value", "1.234", "the mark may stand for decimals or for thousands")
    ]


def test_a_comma_in_a_number_of_a_comma_file_is_an_error(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_text('patient_id,day,marker,value,unit\nA,0,PSA,"12,5",ng/mL\n')
    assert problems_of(file) == [
        ("error", 2, "value", "12,5", "the comma may stand for decimals or for thousands")
    ]


def test_rows_after_a_quoted_line_end_keep_the_line_they_start_on(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_text(
        'patient_id,day,marker,value,unit,assay\nA,0,PSA,4,ng/mL,"old\nassay"\nA,9,PSA,-1,ng/mL,"said ""new"""\n'
    )
    assert problems_of(file) == [("error", 4, "value", "-1", "below 0")]


def test_a_quote_that_is_not_closed_is_named_on_the_row_that_opens_it(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_text('patient_id,day,marker,value,unit\nA,0,"PSA,4,ng/mL\nA,9,PSA,3,ng/mL\n')
    (problem,) = inspect(file)[1]
    assert (problem.row, problem.mend) == (2, "Close the quote that opens in this row.")


def test_a_quoted_cell_beyond_the_readers_limit_is_a_problem_not_a_crash(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_text('patient_id,day,marker,value,unit\nA,0,"' + "x" * 140_000)
    study, problems = inspect(file)
    assert study is None
    assert "cannot be split" in problems[0].rule


def test_header_names_may_differ_in_case_spaces_and_punctuation(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_text(" Patient ID ,DAY,Marker,Value, unit ,Upper-Limit\nA,0,PSA,4,ng/mL,4\n")
    assert read(file).markers["upper_limit"].to_list() == [4.0]


def test_empty_columns_at_the_end_of_all_rows_are_left_off(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_text("patient_id,day,marker,value,unit,,\nA,0,PSA,4,ng/mL,,\nA,9,PSA,4,ng/mL,,\n")
    assert read(file).markers.height == 2


def test_a_column_without_a_name_is_kept_and_named(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_text("patient_id,,day,marker,value,unit\nA,x,0,PSA,4,ng/mL\n")
    study = read(file)
    assert study.markers["column_2"].to_list() == ["x"]
    assert study.problems[0].rule == "column 2 has no name"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"PK\x03\x04and more", "an Excel workbook or a zip archive"),
        (b"PAR1", "a Parquet file"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\x00\x01\x02\x00\xff\xfe", "not text"),
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"\xff\xfe", "empty"),
    ],
)
def test_a_file_that_is_no_table_is_named_for_what_it_is(tmp_path, data, rule):
    file = tmp_path / "markers.csv"
    file.write_bytes(data)
    study, problems = inspect(file)
    assert study is None
    assert len([p for p in problems if p.severity == "error"]) == 1
    assert rule in problems[-1].rule


PLAIN = st.text(
    st.characters(codec="utf-8", exclude_characters='"\r\n,\x00', exclude_categories=["Cs"]), max_size=6
)


@given(st.lists(st.lists(PLAIN, min_size=3, max_size=3), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_rows_with_and_without_quotes_split_alike(rows):
    header = "patient_id,day,marker\n"
    text = header + "".join(",".join(row) + "\n" for row in rows)
    quoted = header + "".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in rows)
    plain_cells = cells(text, "a.csv", Findings())
    quoted_cells = cells(quoted, "a.csv", Findings())
    assert plain_cells is not None
    assert quoted_cells is not None
    assert plain_cells.frame.equals(quoted_cells.frame)
    assert plain_cells.source_row.equals(quoted_cells.source_row)


NOISE = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
    st.lists(
        st.sampled_from(
            [
                "patient_id",
                "day",
                "date",
                "lesion_id",
                "role",
                "diameter_mm",
                "status",
                "node",
                "A",
                "0",
                "-7",
                "42,5",
                "1,234",
                "target",
                "measured",
                "<0.1",
                "2024-03",
                "9" * 30,
                "\u2028",
                ",",
                ",",
                ",",
                ";",
                "\n",
                "\n",
                '"',
            ]
        ),
        max_size=60,
    ).map(lambda parts: "".join(parts).encode()),
    st.lists(
        st.lists(
            st.sampled_from(
                ["A", "0", "T1", "target", "new", "30", "measured", "absent", "", "x", "1e300", "-0"]
            ),
            min_size=6,
            max_size=6,
        ),
        max_size=6,
    ).map(
        lambda rows: "\n".join(
            ["patient_id,day,lesion_id,role,diameter_mm,status", *map(",".join, rows)]
        ).encode()
    ),
)


@example(b'"')
@example(b"sep=;")
@given(NOISE)
@settings(max_examples=50, deadline=None)
def test_no_bytes_make_reading_raise(data):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lesions.csv"
        file.write_bytes(data)
        study, problems = inspect(file)
    assert study is not None or any(problem.severity == "error" for problem in problems)


def parquet_bytes():
    buffer = io.BytesIO()
    rows = {"patient_id": ["A"], "day": [0], "marker": ["PSA"], "value": [1.0], "unit": ["ng/mL"]}
    pl.DataFrame(rows).write_parquet(buffer)
    return buffer.getvalue()


@given(
    st.one_of(
        st.integers(0, len(parquet_bytes()) - 1).map(lambda end: parquet_bytes()[:end]),
        st.binary(max_size=99),
    )
)
@settings(max_examples=50, deadline=None)
def test_a_parquet_file_cut_short_or_of_other_bytes_is_named(data):
    # Flipped bytes inside a page are not tried: on a few of them Polars asks for exabytes and ends the process.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "markers.parquet"
        file.write_bytes(data)
        study, problems = inspect(file)
    assert study is None
    assert [problem.rule for problem in problems] == ["the file is not Parquet, or it is damaged"]
