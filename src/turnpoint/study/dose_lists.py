"""How long a drug given at intervals stays on, and which lists of doses say nothing of a pause.

A drug that is `given` stays on for a grace period after each dose: one and a half of the patient's own intervals so far
(their median), two weeks at the least, so that a late cycle, a scan just before the next one, or a weekly dose that is
left out once is no pause. What is on a day follows from the doses up to that day alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

GRACE_IN_CYCLES: Final = 1.5
LEAST_GRACE_DAYS: Final = 14.0
# Doses farther apart are no regimen's cycle (the longest in use are six weeks): the list has gaps.
LONGEST_CYCLE_DAYS: Final = 56.0
USUAL_CYCLE_DAYS: Final = 21.0

INCOMPLETE_SCHEMA: Final = {
    "patient_id": pl.String(),
    "drug": pl.String(),
    "day": pl.Int64(),
    "doses": pl.Int64(),
    "rule": pl.String(),
}


def grace_days(days: Sequence[int], cycles: Sequence[int | None] = ()) -> float:
    """How long the drug stays on after the last of these doses; forever where their list cannot be complete.

    It cannot where there is one dose alone, where the doses lie farther apart than any cycle is long, or where cycle
    numbers are left out.

    Args:
        days: on which one drug was given to one patient, increasing, up to a day.
        cycles: the numbers of their cycles, where they are known.

    >>> grace_days([0, 14, 28]), grace_days([0, 7, 14]), grace_days([0]), grace_days([0, 42], [1, 3])
    (21.0, 14.0, inf, inf)
    """
    cycle_days = float(np.median(np.diff(days))) if len(days) > 1 else np.inf
    if cycle_days > LONGEST_CYCLE_DAYS or _skips_cycles(cycles):
        return np.inf
    return max(GRACE_IN_CYCLES * cycle_days, LEAST_GRACE_DAYS)


def incomplete_lists(doses: pl.DataFrame, last_seen: pl.DataFrame) -> pl.DataFrame:
    """The drugs whose list of doses cannot be complete, seen from the patient's last visit.

    Args:
        doses: `patient_id, day, drug, action, cycle`.
        last_seen: `patient_id, last_day`, the last visit of each patient.

    Returns:
        One row a patient and drug, columns `INCOMPLETE_SCHEMA`: the day of its last dose, how many days it was given
        on, and what is wrong.
    """
    given = doses.filter(
        (pl.col("action") == "given") & pl.col("day").is_not_null() & pl.col("drug").is_not_null()
    )
    apart = pl.col("day").unique().sort().diff().median()
    skips = (pl.col("cycle").drop_nulls().unique().sort().diff() > 1).any()
    waits = pl.col("last_day") - pl.col("day")
    alone = (pl.col("doses") == 1) & (waits > GRACE_IN_CYCLES * USUAL_CYCLE_DAYS)
    return (
        given.group_by("patient_id", "drug", maintain_order=True)
        .agg(
            pl.col("day").max(),
            pl.col("day").n_unique().cast(pl.Int64).alias("doses"),
            apart.alias("apart"),
            skips.alias("skips"),
        )
        .join(last_seen, on="patient_id", how="left", maintain_order="left")
        .with_columns(
            pl.when("skips")
            .then(pl.lit("cycle numbers are left out"))
            .when(alone)
            .then(pl.lit("one dose alone, and visits long after it"))
            .when(pl.col("apart") > LONGEST_CYCLE_DAYS)
            .then(pl.lit(f"its doses are more than {LONGEST_CYCLE_DAYS:.0f} days apart"))
            .alias("rule")
        )
        .drop_nulls("rule")
        .select(pl.col(name).cast(dtype) for name, dtype in INCOMPLETE_SCHEMA.items())
    )


def _skips_cycles(cycles: Sequence[int | None]) -> bool:
    """Whether the cycle numbers jump, so that doses in between are not in the list."""
    numbers = sorted({cycle for cycle in cycles if cycle is not None})
    return any(after - before > 1 for before, after in pairwise(numbers))
