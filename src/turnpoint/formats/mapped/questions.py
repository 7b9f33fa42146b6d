"""A first mapping as lines of TOML, some of which wait for the answer to a question."""

from __future__ import annotations

from collections.abc import Mapping
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
    """

    key: str
    text: str
    proposal: str | None = None
    examples: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the mapping: `before`, then the answer to the question, then `after`."""

    before: str
    question: Question | None = None
    after: str = ""


@dataclass(frozen=True, slots=True)
class Guess:
    """A first mapping.

    Attributes:
        lines: of the file.
        columns: how many the table has.
        understood: those that the mapping reads, or knows to be of no use.
        unsure: the others.
    """

    lines: tuple[Line, ...]
    columns: int
    understood: tuple[str, ...]
    unsure: tuple[str, ...]

    @property
    def questions(self) -> tuple[Question, ...]:
        """What must be answered, in order."""
        return tuple(line.question for line in self.lines if line.question is not None)

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


def one_line(text: str) -> str:
    """The text without anything that would end its line."""
    return "".join(c if c.isprintable() else " " for c in text)
