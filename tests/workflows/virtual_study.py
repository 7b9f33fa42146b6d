"""A study of virtual patients drawn from a prior, and that prior: what the diagnostics must find nothing wrong with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

import turnpoint as tp
from tests.workflows.studies import study_of
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior, named_prior
from turnpoint.model.simulate import simulate_courses


def virtual_study(*, patients: int, seed: int, visits: int = 6) -> tuple[tp.Study, Prior]:
    """Six-weekly sums of one lesion; the prior forecasts with the filter alone, whose model drew the patients."""
    prior = replace(
        named_prior("docetaxel-nsclc-ct"), error_regressions={}, new_lesions_per_exposed_week=None
    )
    days = [-7, *(42 * visit for visit in range(1, visits))]
    schedule = pl.DataFrame(
        {"patient_id": ["D1"] * len(days), "quantity": [SUM_OF_DIAMETERS] * len(days), "day": days}
    )
    starts = {SUM_OF_DIAMETERS: np.array([25.0, 40.0, 60.0, 90.0])}
    drawn = simulate_courses(prior, schedule, starts, np.random.default_rng(seed), patients)
    rows = drawn.readings.select(
        "patient_id",
        "day",
        pl.lit("T1").alias("lesion_id"),
        pl.lit("target").alias("role"),
        pl.when(pl.col("censoring") == 0).then("value").alias("diameter_mm"),
        pl.when(pl.col("censoring") == 0)
        .then(pl.lit("measured"))
        .otherwise(pl.lit("too_small"))
        .alias("status"),
    )
    # the reader of studies would refuse the few tumours of several metres that the model grows
    study = study_of(lesions=rows.with_columns(pl.col("diameter_mm").clip(upper_bound=499.0)).write_csv())
    true = rows.select("patient_id", pl.col("day").cast(pl.Int64), pl.col("diameter_mm").alias("drawn_mm"))
    lesions = study.lesions.join(true, on=["patient_id", "day"], how="left", maintain_order="left")
    lesions = lesions.with_columns(pl.col("drawn_mm").alias("diameter_mm")).drop("drawn_mm")
    readers = replace(prior.below_limit, absent=0.0, too_small=1.0)  # the simulator's write nothing else
    return replace(study, lesions=lesions), replace(prior, below_limit=readers)
