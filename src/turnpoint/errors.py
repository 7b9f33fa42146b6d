"""Every exception Turnpoint raises, and the problem record that data errors carry.

TurnpointError
├── UsageError          an option or argument that means nothing            (exit 2)
├── StudyError          the data breaks a rule; carries every problem found  (exit 1)
├── MeasurementError    a number that no measurement can give (also ValueError)
├── PriorError          a prior file that is damaged, or does not fit the study
├── SurvivalLinkError   a link file that is damaged, or a study that no link can be fitted to
└── MissingExtraError   an optional library is not installed
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 patient`, `1,658 visits`: how every message counts.

    >>> counted(1658, "visit"), counted(1, "patient"), counted(2, "study", "studies")
    ('1,658 visits', '1 patient', '2 studies')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or doubtful, in the data: where, the value, the rule it breaks, how to mend it.

    Attributes:
        file: file name within the study (no folders, so no user names), for example `lesions.csv`.
        row: line of the file, the header being line 1; None when the problem is the whole file or table.
        column: column name; None when the problem is the whole row.
        value: the value as it stands in the file; never a patient identifier.
        rule: the rule it breaks, one clause without a full stop.
        mend: what to do, one sentence.
        severity: an `error` stops the work; a `warning` is shown and the work goes on.
    """

    file: str
    row: int | None
    column: str | None
    value: str | None
    rule: str
    mend: str
    severity: Severity = "error"

    def __str__(self) -> str:
        """Text as `lesions.csv row 18, diameter_mm=-4.0: below 0 mm. Write status=absent if ...`."""
        where = self.file if self.row is None else f"{self.file} row {self.row}"
        if self.column is not None:
            where += f", {self.column}" + ("" if self.value is None else f"={self.value}")
        end = "" if self.rule.endswith("?") else "."
        return f"{where}: {self.rule}{end} {self.mend}"


class TurnpointError(Exception):
    """Root of every exception this package raises on purpose."""


class UsageError(TurnpointError):
    """An option or argument that means nothing; the message says which values do."""


class StudyError(TurnpointError):
    """The data breaks a rule.

    Attributes:
        problems: everything found, errors and warnings, in file and row order.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        errors = [problem for problem in self.problems if problem.severity == "error"]
        shown = "\n".join(f"  {problem}" for problem in errors[:20])
        more = f"\n  ... and {len(errors) - 20} more" if len(errors) > 20 else ""
        super().__init__(f"{counted(len(errors), 'error')} in the study:\n{shown}{more}")


class MeasurementError(TurnpointError, ValueError):
    """A number that no measurement can give: a negative diameter, an empty series."""


class PriorError(TurnpointError):
    """A prior file that cannot be read, or that has nothing to say about the study's quantities."""


class SurvivalLinkError(TurnpointError):
    """A link from growth to survival that cannot be read, or that a study's deaths do not determine."""


class MissingExtraError(TurnpointError):
    """An optional library is not installed; the message names the extra to install."""
