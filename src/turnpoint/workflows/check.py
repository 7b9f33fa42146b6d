"""Check: every problem in the data, all at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from turnpoint.errors import Problem
from turnpoint.study.findings import count_by_severity
from turnpoint.study.schema import TABLES
from turnpoint.study.study import Study
from turnpoint.workflows.opening import inspect


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found.

    Attributes:
        problems: every problem, errors and warnings, in file and row order.
        study: the study, when there is no error.
    """

    problems: tuple[Problem, ...]
    study: Study | None

    @property
    def ok(self) -> bool:
        """True when nothing stops the work; there may be warnings."""
        return self.study is not None

    def counts(self) -> dict[str, int]:
        """`errors` and `warnings`, and the rows of each table when there is a study."""
        errors, warnings = count_by_severity(self.problems)
        rows = {} if self.study is None else {name: getattr(self.study, name).height for name in TABLES}
        return {"errors": errors, "warnings": warnings, **rows}


def check(path: str | Path) -> CheckResult:
    """Find every problem in a study's data.

    Args:
        path: as for `workflows.opening.read`.

    Returns:
        Everything found; bad data never raises.
    """
    study, problems = inspect(path)
    return CheckResult(problems, study)
