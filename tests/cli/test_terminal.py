"""Text and terminals: width, colour, control characters, tables."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from turnpoint.cli.terminal import column_lines, is_plain, printable, say, wants_colour, width_of, wrapped


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_colour_is_wanted_on_a_terminal(terminal: io.StringIO) -> None:
    assert wants_colour(terminal)


def test_colour_is_not_wanted_when_no_color_is_set(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(terminal)
    assert not is_plain(terminal)


def test_colour_is_wanted_when_no_color_is_empty(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert wants_colour(terminal)


def test_text_is_plain_when_the_terminal_is_dumb(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert is_plain(terminal)
    assert not wants_colour(terminal)


def test_width_is_the_terminals_and_none_without_one(terminal: io.StringIO) -> None:
    assert width_of(terminal) == 60
    assert width_of(io.StringIO()) is None


def test_width_never_falls_below_twenty_columns(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "3")
    assert width_of(terminal) == 20


def test_control_characters_are_replaced() -> None:
    assert printable("4\x1b[31m2\r\n") == "4\ufffd[31m2\ufffd\ufffd"
    assert printable("40 mm, 肺癌") == "40 mm, 肺癌"


def test_label_stands_once_and_the_text_is_wrapped_under_itself(terminal: io.StringIO) -> None:
    say("Found", "best response by recist-1.1: 3 CR, 40 PR, 120 SD, 130 PD, 12 NE", terminal)
    assert terminal.getvalue() == (
        "Found     best response by recist-1.1: 3 CR, 40 PR, 120 SD,\n          130 PD, 12 NE\n"
    )


def test_path_stays_on_one_line_when_said_whole(terminal: io.StringIO) -> None:
    path = "/a folder/with spaces/and a long name that goes on/and on/results.csv"
    say("Wrote", path, terminal, whole=True)
    assert terminal.getvalue() == f"Wrote     {path}\n"


def test_column_is_left_out_when_it_does_not_fit_and_kept_when_it_just_does() -> None:
    table = (["id", "day", "verdict"], [["P001", "42", "plateau"]], [False, True, False])
    assert list(column_lines(*table, width=18)) == ["id    day  verdict", "P001   42  plateau"]
    assert list(column_lines(*table, width=17)) == ["id    day", "P001   42"]


def test_first_column_is_shown_however_narrow() -> None:
    assert list(column_lines(["patient_id"], [["P001"]], [False], width=3)) == ["patient_id", "P001"]


words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)


@given(st.lists(words, min_size=1, max_size=30), st.integers(20, 120))
def test_wrapping_keeps_every_word_and_the_width(text: list[str], width: int) -> None:
    lines = wrapped(" ".join(text), width, first="- ", then="  ")
    assert " ".join(line[2:] for line in lines).split() == text
    assert all(len(line) <= width for line in lines)


@given(st.lists(st.lists(words, min_size=3, max_size=3), max_size=5), st.integers(30, 200))
def test_table_lines_keep_the_width_and_line_up(rows: list[list[str]], width: int) -> None:
    lines = list(column_lines(["a", "b", "c"], rows, [False, False, True], width))
    assert len(lines) == 1 + len(rows)
    assert all(cell_len(line) <= width for line in lines)
    shown = {len(line.split()) for line in lines}
    assert len(shown) == 1
    if shown == {3}:  # the last column is set to the right, so that all lines end together
        assert len({cell_len(line) for line in lines}) == 1
