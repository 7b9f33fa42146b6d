"""Benefit and harm of one patient."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from turnpoint.errors import Problem


@dataclass(frozen=True, slots=True)
class HarmPicture:
    """Doses against limits, side effects and the next cycle of one patient.

    Attributes:
        ledger: rows of `harm.ledger.LEDGER_SCHEMA` of the patient.
        adverse_events: rows of `harm.adverse_events.ADVERSE_EVENTS_SCHEMA`.
        next_cycle: `scenario` `continue` and `pause`, as `workflows.harm.NEXT_CYCLE_SCHEMA`; may be empty.
        cycles: `cycle, day, end_day`, the next one last; empty without a visit.
        worst_grades: `cycle, events, worst_grade`.
        course: `workflows.harm.COURSE_SCHEMA` of the patient.
        shares: `drug, day, share, kind` for the chart.
        last_visit_day: of the last reading; None without one.
        problems: why the ledger could not be made; empty when it could.
    """

    ledger: pl.DataFrame
    adverse_events: pl.DataFrame
    next_cycle: pl.DataFrame
    cycles: pl.DataFrame
    worst_grades: pl.DataFrame
    course: pl.DataFrame
    shares: pl.DataFrame
    last_visit_day: float | None
    problems: tuple[Problem, ...] = ()
