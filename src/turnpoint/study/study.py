"""What a study is: five tables in one shape, and what was doubtful about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from turnpoint.errors import Problem


@dataclass(frozen=True, slots=True)
class Study:
    """A checked study: every table present (empty when the input had none), sorted by patient and day.

    Every table starts with `patient_id` (String); time is `day` (Int64, day 0 = start of the course).
    `source_row` (Int64) is the line of the input file, the header being line 1. Unknown input columns
    are kept at the end. Missing is null.

    Attributes:
        patients: `patient_id, arm, tumour_type, sex, birth_year, start_date, line, death_day, last_alive_day,
            source_row`; one row for every patient that any table names.
        lesions: `patient_id, day, lesion_id, role, visit, site, node, diameter_mm, status, method, reader,
            source_row`; `day` is the first of its assessment (`study.assessments`); `node` is never null (false when
            not said).
        markers: `patient_id, day, marker, value, unit, upper_limit, assay, visit, censoring, reported_value,
            reported_unit, source_row`; `marker` is the canonical name where it is known, `value` and
            `upper_limit` are in `unit`, the marker's canonical unit; `censoring` is `none`, `left` (true value
            below `value`) or `right` (above it).
        doses: `patient_id, day, drug, dose, unit, action, cycle, regimen, line, source_row`; `drug` in lower
            case, `action` never null.
        events: `patient_id, day, end_day, term, grade, source_row`.
        problems: the warnings found while reading; errors never get this far.
        name: the folder's or file's name, for titles; no path.
    """

    patients: pl.DataFrame
    lesions: pl.DataFrame
    markers: pl.DataFrame
    doses: pl.DataFrame
    events: pl.DataFrame
    problems: tuple[Problem, ...] = ()
    name: str = "study"

    @property
    def patient_ids(self) -> list[str]:
        """Every patient, in order."""
        return self.patients["patient_id"].to_list()

    def only(self, patient_ids: Sequence[str]) -> Study:
        """The same study with these patients only; an identifier the study lacks is ignored."""
        keep = pl.col("patient_id").is_in(list(patient_ids))
        return Study(
            patients=self.patients.filter(keep),
            lesions=self.lesions.filter(keep),
            markers=self.markers.filter(keep),
            doses=self.doses.filter(keep),
            events=self.events.filter(keep),
            problems=self.problems,
            name=self.name,
        )
