"""What a format holds and the study folder has no place for: kept in a side table, so that nothing is lost in silence.

A format counts each reason in one warning of its study; the rows themselves are here, one for each record left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from turnpoint.errors import Problem
from turnpoint.study.study import Study

UNMAPPED_SCHEMA: Final = pl.Schema(
    {
        "file": pl.String(),
        "row": pl.Int64(),
        "record": pl.String(),
        "patient_id": pl.String(),
        "date": pl.String(),
        "code": pl.String(),
        "name": pl.String(),
        "value": pl.String(),
        "unit": pl.String(),
        "reason": pl.String(),
    }
)


@dataclass(frozen=True, slots=True)
class Converted:
    """What a standard's files hold.

    Attributes:
        study: None when there is an error.
        problems: everything found, errors and warnings.
        unmapped: what the study has no place for, one row a record: `UNMAPPED_SCHEMA`. `record` names it as its
            format does (`Observation/123`), `value` and `date` are as written, `reason` is that of the warning that
            counts it.
    """

    study: Study | None
    problems: tuple[Problem, ...]
    unmapped: pl.DataFrame
