"""A first mapping as lines of TOML, some of which wait for the answer to a question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from turnpoint.formats.mapped.declaration import QUESTION


@dataclass(frozen=True, slots=True)
class Question:
    """Something that the table does not tell.

    Attributes:
        key: what it is about.
        text: the question.
        proposal: the answer proposed, as TOML; None when nothing speaks for one.
        examples: of the cells.
        optional: true where nothing depends on the answer but what is left aside: asked on a terminal only.
        presumed: what is said where a table is read in one go and the proposal is taken; empty where it must not be.
        choices: the answers that it may have, as TOML; empty where they cannot be listed. Where they are lists, another
            list will do.
    """

    key: str
    text: str
    proposal: str | None = None
    examples: str = ""
    optional: bool = False
    presumed: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the mapping: `before`, then the answer to the question, then `after`."""

    before: str
    question: Question | None = None
    after: str = ""


class Draft:
    """A mapping while it is written: its lines, and the columns that they read."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.read: set[str] = set()
        self.date_formats: dict[str, str] = {}

    def add(self, text: str, question: Question | None = None, after: str = "") -> None:
        """A line, with the question that it waits for."""
        self.lines.append(Line(text, question, after))

    def use(self, key: str, name: str, *more: str) -> None:
        """A line that reads a column; `more` says how, as TOML."""
        self.read.add(name)
        self.add(f"{key} = {self.column(name, *more)}")

    def column(self, name: str, *more: str) -> str:
        """A column as TOML, with the format of its dates where that is its own."""
        own = [self.date_formats[name]] if name in self.date_formats else []
        if not own and not more:
            return quoted(name)
        return f"{{ {', '.join((f'column = {quoted(name)}', *more, *own))} }}"


@dataclass(frozen=True, slots=True)
class Guess:
    """A first mapping.

    Attributes:
        lines: of the file.
        columns: how many the table has.
        understood: those that the mapping reads, or knows to be of no use.
        unsure: the others.
        aside: those that are not read: known to be of no use, or unsure.
    """

    lines: tuple[Line, ...]
    columns: int
    understood: tuple[str, ...]
    unsure: tuple[str, ...]
    aside: tuple[str, ...] = ()

    @property
    def questions(self) -> tuple[Question, ...]:
        """What must be answered, in order, each once."""
        asked = {line.question.key: line.question for line in self.lines if line.question is not None}
        return tuple(asked.values())

    def toml(self, answers: Mapping[str, str]) -> str:
        """The mapping file.

        Args:
            answers: by key of the question, as TOML; what is not answered is a question mark.
        """
        text = []
        for line in self.lines:
            asked = line.question
            if asked is None:
                text.append(line.before)
                continue
            answer = answers.get(asked.key)
            text.append(f"# {'?' if answer is None else 'answered:'} {one_line(asked.text)}")
            if asked.examples:
                text.append(f"#   cells: {one_line(asked.examples)}")
            if answer is None and asked.proposal is not None:
                text.append(f"#   perhaps {one_line(asked.proposal)}")
            text.append(f"{line.before}{answer if answer is not None else quoted(QUESTION)}{line.after}")
        return "\n".join(text) + "\n"


def quoted(text: str) -> str:
    r"""The text as a TOML string.

    >>> quoted('a "b"')
    '"a \\"b\\""'
    """
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return (
        '"'
        + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else "?" for c in plain)
        + '"'
    )


def all_quoted(texts: Iterable[str]) -> tuple[str, ...]:
    """Each text as a TOML string."""
    return tuple(map(quoted, texts))


def one_line(text: str) -> str:
    """The text without anything that would end its line."""
    return "".join(c if c.isprintable() else " " for c in text)
