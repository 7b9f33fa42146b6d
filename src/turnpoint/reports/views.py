"""What a report is given of a whole study, already computed: `workflows.report` fills it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from turnpoint.pictures.patient import Provenance


@dataclass(frozen=True, slots=True)
class CohortView:
    """A whole study on one page.

    Attributes:
        study_name: for the title.
        counts: named counts for the summary line: `patients, visits, alerts, progressions, ...`.
        waterfall: `patient_id, best_change_pct, best_response`.
        spider: `patient_id, week, change_from_baseline_pct, best_response`.
        called: what called progression, a row a patient and thing (`criteria.called_progression`).
        swimmer: `patient_id, last_day, first_response_day, progression_day, alert_day`; null where it did not
            happen.
        alerts: `patient_id, alert_day, verdict, p_turned, progression_day, lead_days`; one row a patient who
            was alerted.
        marker_spider: `patient_id, week, marker, change_from_first_pct`; empty without markers.
        verdicts: `verdict, patients`: the verdict at each patient's last visit, counted.
        provenance: one for each prior used.
    """

    study_name: str
    counts: Mapping[str, int]
    waterfall: pl.DataFrame
    spider: pl.DataFrame
    called: pl.DataFrame
    swimmer: pl.DataFrame
    alerts: pl.DataFrame
    marker_spider: pl.DataFrame
    verdicts: pl.DataFrame
    provenance: tuple[Provenance, ...]
