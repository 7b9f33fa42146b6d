"""Problems as text: every one for `check`, grouped elsewhere."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnpoint.cli.problems import (
    by_rule,
    print_every_problem,
    print_grouped_errors,
    problem_counts,
    problem_frame,
    row_ranges,
    say_warnings,
)
from turnpoint.errors import Problem, Severity


def negative(row: int, value: str = "-4.0") -> Problem:
    return Problem("lesions.csv", row, "diameter_mm", value, "below 0 mm", "Write status=absent.")


def unknown(row: int, severity: Severity = "warning") -> Problem:
    return Problem("markers.csv", row, "marker", "CAE", "not a known marker", "Did you mean CEA?", severity)


def test_counts_name_both_kinds_and_only_those_found() -> None:
    assert problem_counts([negative(2), negative(3), unknown(2)]) == "2 errors, 1 warning"
    assert problem_counts([negative(2)]) == "1 error"
    assert problem_counts([]) == "no problems"


def test_every_problem_is_one_line_when_there_is_no_terminal() -> None:
    out = io.StringIO()
    print_every_problem([negative(4, "-1"), negative(18), unknown(9)], out)
    assert out.getvalue().splitlines() == [
        "error: lesions.csv row 4, diameter_mm=-1: below 0 mm. Write status=absent.",
        "error: lesions.csv row 18, diameter_mm=-4.0: below 0 mm. Write status=absent.",
        "warning: markers.csv row 9, marker=CAE: not a known marker. Did you mean CEA?",
    ]


def test_errors_come_before_warnings_within_a_file() -> None:
    out = io.StringIO()
    print_every_problem([unknown(2), unknown(5, "error")], out)
    assert [line.split(":")[0] for line in out.getvalue().splitlines()] == ["error", "warning"]


def test_table_is_by_file_with_aligned_columns_on_a_wide_terminal(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    print_every_problem([negative(4, "-1"), negative(18), unknown(9)], terminal)
    assert terminal.getvalue() == (
        "\n"
        "lesions.csv: 2 errors\n"
        "  error  row 4   diameter_mm  -1    below 0 mm. Write status=absent.\n"
        "  error  row 18  diameter_mm  -4.0  below 0 mm. Write status=absent.\n"
        "\n"
        "markers.csv: 1 warning\n"
        "  warning  row 9  marker  CAE  not a known marker. Did you mean CEA?\n"
    )


def test_table_puts_the_rule_below_when_the_terminal_is_narrow(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setenv("NO_COLOR", "1")
    print_every_problem([negative(18)], terminal)
    assert terminal.getvalue() == (
        "\nlesions.csv: 1 error\n  error  row 18  diameter_mm  -4.0\n    below 0 mm. Write status=absent.\n"
    )


def test_value_cannot_steer_the_terminal(terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    print_every_problem([negative(18, "\x1b[2J\x07")], terminal)
    assert "\x1b" not in terminal.getvalue()
    assert "\x07" not in terminal.getvalue()


def test_repeated_rule_is_said_once_with_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    print_grouped_errors([*(negative(row) for row in (2, 7, 8, 9, 12)), unknown(3), unknown(4, "error")])
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[:3] == [
        "Error: the data has 6 errors; nothing was computed.",
        "  lesions.csv row 2, diameter_mm=-4.0: below 0 mm. Write status=absent. 4 more rows like it: 7-9, 12.",
        "  markers.csv row 4, marker=CAE: not a known marker. Did you mean CEA?",
    ]
    assert shown.err.splitlines()[3].startswith("`turnpoint check STUDY` lists every problem")


def test_rules_that_differ_only_in_a_number_are_one_kind() -> None:
    same = [Problem("lesions.csv", row, None, None, f"as row {row - 1}", "Keep one.") for row in (5, 90)]
    assert by_rule(same) == [same]
    assert len(by_rule([*same, negative(5)])) == 2


@given(st.sets(st.integers(2, 60), min_size=1))
def test_row_ranges_name_the_rows_and_no_others(rows: set[int]) -> None:
    text = row_ranges([negative(row) for row in rows])
    named: set[int] = set()
    for part in text.removesuffix(", ...").split(", "):
        first, _, last = part.partition("-")
        named |= set(range(int(first), int(last or first) + 1))
    assert named == (rows if not text.endswith("...") else {row for row in rows if row <= max(named)})


def test_twenty_kinds_of_error_are_shown_and_the_rest_counted(capsys: pytest.CaptureFixture[str]) -> None:
    print_grouped_errors(
        [Problem(f"{name}.csv", None, None, None, "empty", "Fill it.") for name in "abcdefghijklmnopqrst"]
    )
    assert "more kind" not in capsys.readouterr().err
    print_grouped_errors(
        [Problem(f"{name}.csv", None, None, None, "empty", "Fill it.") for name in "abcdefghijklmnopqrstu"]
    )
    assert "  ... and 1 more kind of error.\n" in capsys.readouterr().err


def test_warnings_are_grouped_and_counted_most_frequent_first(capsys: pytest.CaptureFixture[str]) -> None:
    late = Problem("doses.csv", 4, None, None, "after the last visit", "Check the day.", "warning")
    say_warnings([late, unknown(2), unknown(3), negative(5)])
    assert capsys.readouterr().out.splitlines() == [
        "Warnings  3; `turnpoint check STUDY` lists them",
        "          2 x markers.csv, marker: not a known marker",
        "          1 x doses.csv: after the last visit",
    ]


def test_nothing_is_said_when_there_are_no_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    say_warnings([negative(5)])
    assert capsys.readouterr().out == ""


def test_frame_holds_every_field_in_listing_order() -> None:
    frame = problem_frame([unknown(9), negative(18), unknown(12, "error")])
    assert frame.columns == ["file", "row", "column", "value", "rule", "mend", "severity"]
    assert frame["row"].to_list() == [12, 9, 18]
    assert frame.row(2) == (
        "lesions.csv",
        18,
        "diameter_mm",
        "-4.0",
        "below 0 mm",
        "Write status=absent.",
        "error",
    )
    assert problem_frame([]).height == 0
