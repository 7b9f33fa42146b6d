"""The bar: only on a terminal, only for long work, gone at the end."""

from __future__ import annotations

import io
import time

import pytest
import rich.progress  # noqa: F401  (its first import takes as long as the work in these tests)

from turnpoint.cli.progress import ProgressBar

PATIENCE_SECONDS = 0.05


@pytest.fixture(autouse=True)
def _capable_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")


def work(stream: io.StringIO, seconds: float) -> str:
    """Half done, some seconds, all done."""
    with ProgressBar("Assessing", stream=stream, patience_seconds=PATIENCE_SECONDS) as progress:
        progress(1, 2)
        time.sleep(seconds)
        progress(2, 2)
    return stream.getvalue()


def test_bar_is_drawn_when_the_work_outlasts_the_patience(terminal: io.StringIO) -> None:
    shown = work(terminal, 0.6)
    assert "Assessing" in shown
    assert "50%" in shown


def test_nothing_is_drawn_when_the_work_is_short(terminal: io.StringIO) -> None:
    assert work(terminal, 0.0) == ""


def test_nothing_is_drawn_when_the_stream_is_no_terminal() -> None:
    assert work(io.StringIO(), 0.3) == ""


def test_nothing_is_drawn_when_the_terminal_is_dumb(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert work(terminal, 0.3) == ""


def test_bar_has_no_colour_when_no_color_is_set(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown = work(terminal, 0.6)
    assert "Assessing" in shown
    assert "\x1b[38;" not in shown
    assert "\x1b[3" not in shown.replace("\x1b[3F", "")


def break_off(stream: io.StringIO) -> None:
    with ProgressBar("Assessing", stream=stream, patience_seconds=PATIENCE_SECONDS):
        time.sleep(0.4)
        raise ValueError("broken")


def test_bar_is_taken_away_when_the_work_fails(terminal: io.StringIO) -> None:
    with pytest.raises(ValueError, match="broken"):
        break_off(terminal)
    size = len(terminal.getvalue())
    assert "\x1b[?25h" in terminal.getvalue()  # the cursor is shown again
    time.sleep(0.2)
    assert len(terminal.getvalue()) == size
