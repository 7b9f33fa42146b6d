"""Growth metrics of each patient and quantity, by arithmetic and least squares, without a prior."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from turnpoint.criteria.marker_progression import first_progression
from turnpoint.criteria.recist import best_responses, responses, sum_of_diameters
from turnpoint.kinetics.series_metrics import SERIES_METRICS_SCHEMA, series_metrics
from turnpoint.kinetics.volume import CELLS_PER_CM3, sphere_volume_cm3
from turnpoint.model.series import chosen_readers, of_reader
from turnpoint.study.study import Study
from turnpoint.workflows.respond import new_therapy

SUM_OF_DIAMETERS = "sum_of_diameters_mm"
METRICS_SCHEMA: dict[str, type[pl.DataType]] = {
    **SERIES_METRICS_SCHEMA,
    "last_volume_cm3": pl.Float64,
    "last_cell_number_estimate": pl.Float64,
    "progression_day": pl.Int64,
    "reader": pl.String,
}
# Operations that take tumour away, as events and procedures are called.
_OPERATION = (
    r"(?i)debulk|cytoreduc|interval surg|tumou?r surg|laparotom|resection|metastasectom|hysterectom|oophorectom"
    r"|prostatectom|^surgery$|surgery of"
)
_READINGS = ["patient_id", "quantity", "unit", "day", "value"]


def metrics(study: Study, *, progress: Callable[[int, int], None] | None = None) -> pl.DataFrame:
    """Growth metrics, one row a patient and quantity: the sum of diameters and each marker.

    A sum that is not evaluable is left out, never 0 mm; a censored marker value counts as its limit. Of several
    readers, the one is used who is used everywhere (`model.series.chosen_readers`).

    Args:
        study: with lesions, markers or both.
        progress: called with series done and series in all.

    Returns:
        The columns of `docs/metrics.md`, sorted by patient, the sum of diameters first, then markers by name.
    """
    sums = of_reader(sum_of_diameters(study.lesions), chosen_readers(study.lesions))
    sums = sums.drop_nulls("sum_of_diameters_mm").with_columns(pl.col("reader").replace("", None))
    readers = sums.select("patient_id", "reader").unique()
    readings = pl.concat([_sum_readings(sums), _marker_readings(study.markers)])
    progressions = pl.concat([_sum_progressions(study, readers), _marker_progressions(study)])
    volume = pl.col("last_value").map_elements(sphere_volume_cm3, return_dtype=pl.Float64)
    return (
        series_metrics(readings, SUM_OF_DIAMETERS, progress, _operations(study))
        .join(progressions, on=["patient_id", "quantity"], how="left")
        .join(
            readers.with_columns(quantity=pl.lit(SUM_OF_DIAMETERS)), on=["patient_id", "quantity"], how="left"
        )
        .join(_single_targets(sums), on=["patient_id", "quantity"], how="left")
        .with_columns(pl.when("single_target").then(volume).alias("last_volume_cm3"))
        .with_columns((pl.col("last_volume_cm3") * CELLS_PER_CM3).alias("last_cell_number_estimate"))
        .sort("patient_id", pl.col("quantity") != SUM_OF_DIAMETERS, "quantity")
        .select(pl.col(name).cast(dtype) for name, dtype in METRICS_SCHEMA.items())
    )


def _operations(study: Study) -> dict[str, int]:
    """The day of each patient's first operation on the tumour after day 0, as `events` and `doses` name it."""
    named = [
        study.events.select("patient_id", "day", name="term"),
        study.doses.select("patient_id", "day", name="drug"),
    ]
    return dict(
        pl.concat(named)
        .filter((pl.col("day") > 0) & pl.col("name").str.contains(_OPERATION))
        .group_by("patient_id")
        .agg(pl.col("day").min())
        .iter_rows()
    )


def _single_targets(sums: pl.DataFrame) -> pl.DataFrame:
    """The patients with one target, whose sum is a diameter: the volume of several is not that of their sum."""
    counted = sums.group_by("patient_id").agg((pl.col("targets").max() == 1).alias("single_target"))
    return counted.with_columns(pl.lit(SUM_OF_DIAMETERS).alias("quantity"))


def _sum_readings(sums: pl.DataFrame) -> pl.DataFrame:
    return sums.with_columns(
        quantity=pl.lit(SUM_OF_DIAMETERS), unit=pl.lit("mm"), value=pl.col("sum_of_diameters_mm")
    ).select(_READINGS)


def _marker_readings(markers: pl.DataFrame) -> pl.DataFrame:
    """Marker values, the mean of those of one day."""
    return (
        markers.filter(pl.col("value").is_not_null())
        .group_by("patient_id", pl.col("marker").alias("quantity"), "day")
        .agg(pl.col("unit").first(), pl.col("value").mean())
        .select(_READINGS)
    )


def _sum_progressions(study: Study, readers: pl.DataFrame) -> pl.DataFrame:
    """Day of RECIST 1.1 progression, of whatever kind, by the reader whose sums are used."""
    best = best_responses(responses(study.lesions), new_therapy(study))
    return best.join(readers, on=["patient_id", "reader"], how="semi", nulls_equal=True).select(
        "patient_id", pl.lit(SUM_OF_DIAMETERS).alias("quantity"), "progression_day"
    )


def _marker_progressions(study: Study) -> pl.DataFrame:
    return first_progression(study.markers).rename({"marker": "quantity"})
