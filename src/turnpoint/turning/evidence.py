"""Why a verdict was reached, as facts with numbers; reports turn each into a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

EvidenceCode = Literal[
    "sum_change",  # quantity, change_pct, weeks, error_pct: the sum changed by more than reading error
    "sum_within_error",  # scans, change_pct, error_pct, weeks: the last scans are within reading error
    "marker_slope",  # quantity, before_pct_per_week, until_week, since_pct_per_week: a marker's slope changed
    "marker_falling",  # quantity, pct_per_week, weeks
    "marker_rising",  # quantity, change_pct, weeks, reference_change_pct: rise beyond the reference change
    "marker_within_error",  # quantity, change_pct, reference_change_pct
    "marker_at_floor",  # quantity: last values at the assay's limit or within the reference range
    "early_rise",  # quantity, week: a rise in the first 8 weeks may be a surge
    "paused",  # drug, since_week: treatment was off; a rise then is not resistance
    "few_values",  # informative_values: fewer than three
    "near_prior",  # shrinkage_pct: the posterior is nearly the prior
]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact behind a verdict.

    Attributes:
        code: which fact; its numbers are listed beside `EvidenceCode`.
        numbers: the numbers the sentence needs, by name.
        labels: the words it needs (a marker's or a drug's name), by name.
    """

    code: EvidenceCode
    numbers: Mapping[str, float]
    labels: Mapping[str, str]
