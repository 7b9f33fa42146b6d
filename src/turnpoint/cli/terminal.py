"""How text meets a terminal: width, colour, wrapping, columns; and what to do when there is none."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from textwrap import TextWrapper
from typing import TextIO

import typer

LABEL_WIDTH = 10
MIN_TEXT_WIDTH = 20


def width_of(stream: TextIO) -> int | None:
    """Columns of the terminal that shows the stream; None when it is no terminal, so lines stay whole."""
    if not stream.isatty():
        return None
    return max(MIN_TEXT_WIDTH, shutil.get_terminal_size().columns)


def is_plain(stream: TextIO) -> bool:
    """Whether the stream wants bare text: no terminal, or one that cannot move its cursor (`TERM=dumb`)."""
    return not stream.isatty() or os.environ.get("TERM") == "dumb"


def wants_colour(stream: TextIO) -> bool:
    """Whether to colour text: on a capable terminal, unless `NO_COLOR` is set (no-color.org: to anything)."""
    return not is_plain(stream) and not os.environ.get("NO_COLOR")


def coloured(text: str, colour: str, stream: TextIO) -> str:
    """The text in bold colour where the stream wants colour, else as it is."""
    return typer.style(text, fg=colour, bold=True) if wants_colour(stream) else text


def printable(text: str) -> str:
    """The text with control characters replaced: a value in a data file must not steer the terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)


def wrapped(text: str, width: int | None, *, first: str = "", then: str = "") -> list[str]:
    """Lines of the text, each at most `width` wide, the first starting with `first`, later ones with `then`.

    A word longer than a line (a path) is never broken, so that it can be copied.
    """
    if width is None:
        return [first + text]
    wrapper = TextWrapper(
        width, initial_indent=first, subsequent_indent=then, break_long_words=False, break_on_hyphens=False
    )
    return wrapper.wrap(text) or [first.rstrip()]


def say(label: str, text: str, stream: TextIO | None = None, *, whole: bool = False) -> None:
    """Print one labelled line of a summary, wrapped under itself: `Read      oak: 325 patients`.

    Args:
        label: the first column; empty for a line that goes on with the one above.
        text: what to say.
        stream: stdout by default.
        whole: never wrap, so that a path with spaces can be copied.
    """
    stream = stream or sys.stdout
    width = None if whole else width_of(stream)
    lines = wrapped(printable(text), width, first=f"{label:<{LABEL_WIDTH}}", then=" " * LABEL_WIDTH)
    for line in lines:
        typer.echo(line, file=stream)


def column_lines(
    header: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool], width: int | None
) -> Iterator[str]:
    """A table as lines: two spaces between columns, numbers to the right; what does not fit is left out.

    Args:
        header: column names.
        rows: cells as text, each row as long as the header.
        numeric: whether each column is numeric.
        width: columns of the terminal; None shows every column.

    Yields:
        The header, then the rows; the first column is always there.
    """
    from rich.cells import cell_len  # a Chinese character takes two cells

    widths = [max(map(cell_len, cells)) for cells in zip(header, *rows, strict=True)]
    shown, used = 0, -2
    while shown < len(header) and (not shown or width is None or used + 2 + widths[shown] <= width):
        used += 2 + widths[shown]
        shown += 1
    for row in (header, *rows):
        cells = []
        for cell, size, right in zip(row[:shown], widths, numeric, strict=False):
            gap = " " * (size - cell_len(cell))
            cells.append(gap + cell if right else cell + gap)
        yield "  ".join(cells).rstrip()
