"""How forecasts of next readings turned out: transforms, coverage of intervals, chances against what happened."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from turnpoint.diagnostics.drawn import Drawn
from turnpoint.model.calibration import ecdf_band, histogram_band, pit_step, wilson_interval
from turnpoint.model.forecast import SMALLEST_FORECAST_MM
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.streams import Stream, generator

HISTOGRAM_BINS = 20
HISTOGRAM_LEVEL = 0.9
ECDF_POINTS = 100
ECDF_LEVEL = 0.95
COVERAGE_PCT = tuple(range(10, 100, 10))
MOST_GROUPS = 10
FEWEST_IN_GROUP = 10
TOLERANCE = 1e-9

KEYS = ("patient_id", "origin_day", "target_day", "quantity")
KEY_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "origin_day": pl.Int64,
    "target_day": pl.Int64,
    "quantity": pl.String,
}
HISTOGRAM_SCHEMA: dict[str, type[pl.DataType]] = {
    "quantity": pl.String,
    "from_pit": pl.Float64,
    "to_pit": pl.Float64,
    "forecasts": pl.Int64,
    "expected_low": pl.Int64,
    "expected_high": pl.Int64,
}
ECDF_SCHEMA: dict[str, type[pl.DataType]] = {
    "quantity": pl.String,
    "pit": pl.Float64,
    "difference": pl.Float64,
    "expected_low": pl.Float64,
    "expected_high": pl.Float64,
}
COVERAGE_SCHEMA: dict[str, type[pl.DataType]] = {
    "quantity": pl.String,
    "nominal": pl.Float64,
    "forecasts": pl.Int64,
    "covered": pl.Int64,
    "coverage": pl.Float64,
    "coverage_low": pl.Float64,
    "coverage_high": pl.Float64,
    "coverage_by_pit": pl.Float64,
}
RELIABILITY_SCHEMA: dict[str, type[pl.DataType]] = {
    "quantity": pl.String,
    "event": pl.String,
    "group": pl.Int64,
    "forecasts": pl.Int64,
    "mean_chance": pl.Float64,
    "happened": pl.Int64,
    "share": pl.Float64,
    "share_low": pl.Float64,
    "share_high": pl.Float64,
}


def outcomes(forecasts: pl.DataFrame, readings: pl.DataFrame) -> pl.DataFrame:
    """The forecasts with the reading that came: a further column `value`, on the forecasts' own scale (1 mm for none).

    Args:
        forecasts: with the columns of `KEYS`.
        readings: from `model.series.readings_of`.
    """
    came = readings.select("patient_id", pl.col("day").alias("target_day"), "quantity", "value")
    is_sum = pl.col("quantity") == SUM_OF_DIAMETERS
    return forecasts.join(
        came, on=["patient_id", "target_day", "quantity"], how="inner", maintain_order="left"
    ).with_columns(
        pl.when(is_sum).then(pl.col("value").clip(lower_bound=SMALLEST_FORECAST_MM)).otherwise("value")
    )


def pit_table(drawn: Iterable[Drawn], readings: pl.DataFrame, seed: int) -> pl.DataFrame:
    """One row a forecast: `patient_id, origin_day, target_day, quantity, pit`."""
    frames = [pl.DataFrame(schema=KEY_SCHEMA | {"low": pl.Float64, "high": pl.Float64})]
    for part in drawn:
        came = outcomes(part.keys.with_row_index("row"), readings)
        rows = came["row"].to_numpy()
        low, high = pit_step(part.draws[rows], part.mass[rows], came["value"].to_numpy())
        steps = came.select(KEYS).with_columns(pl.Series("low", low), pl.Series("high", high))
        frames.append(steps.cast(frames[0].schema))
    steps = pl.concat(frames).sort("patient_id", "origin_day", "quantity")
    uniform = generator(seed, Stream.FORECAST_RANKS).random(steps.height)
    pit = pl.col("low") + pl.Series("uniform", uniform) * (pl.col("high") - pl.col("low"))
    return steps.select(*KEYS, pit.alias("pit"))


def pit_histograms(pit: pl.DataFrame) -> pl.DataFrame:
    """Counts of the transforms in 20 bins of each quantity, and the 90 % band of each bin if they are uniform."""
    frames = [pl.DataFrame(schema=HISTOGRAM_SCHEMA)]
    edges = np.linspace(0.0, 1.0, HISTOGRAM_BINS + 1)
    for (quantity,), own in pit.group_by("quantity", maintain_order=True):
        low, high = histogram_band(own.height, HISTOGRAM_BINS, HISTOGRAM_LEVEL)
        columns = {
            "quantity": [quantity] * HISTOGRAM_BINS,
            "from_pit": edges[:-1].round(4),
            "to_pit": edges[1:].round(4),
            "forecasts": np.histogram(own["pit"].to_numpy(), edges)[0],
            "expected_low": np.full(HISTOGRAM_BINS, low),
            "expected_high": np.full(HISTOGRAM_BINS, high),
        }
        frames.append(pl.DataFrame(columns, schema_overrides=HISTOGRAM_SCHEMA))
    return pl.concat(frames)


def pit_ecdfs(pit: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The transforms' empirical distribution function minus the uniform one, and its simultaneous 95 % band."""
    frames = [pl.DataFrame(schema=ECDF_SCHEMA)]
    points = np.arange(1, ECDF_POINTS) / ECDF_POINTS
    for (quantity,), own in pit.group_by("quantity", maintain_order=True):
        below = np.searchsorted(np.sort(own["pit"].to_numpy()), points, side="right")
        low, high = ecdf_band(own.height, points, generator(seed, Stream.FORECAST_BAND), ECDF_LEVEL)
        columns = {
            "quantity": [quantity] * len(points),
            "pit": points,
            "difference": below / own.height - points,
            "expected_low": low - points,
            "expected_high": high - points,
        }
        frames.append(pl.DataFrame(columns, schema_overrides=ECDF_SCHEMA))
    return pl.concat(frames)


def coverage_table(came: pl.DataFrame, pit: pl.DataFrame) -> pl.DataFrame:
    """How often the central intervals of the forecasts held the reading that came.

    `coverage` counts the closed interval from quantile to quantile, as it is printed. A forecast has steps (whole
    millimetres, repeats), and a closed interval holds at least its nominal share; `coverage_by_pit` splits the steps at
    random and is the one that should equal the nominal.

    Args:
        came: from `outcomes`, with the quantiles.
        pit: from `pit_table`.
    """
    frames = [pl.DataFrame(schema=COVERAGE_SCHEMA)]
    value = pl.col("value")
    for percent in COVERAGE_PCT:
        tail = round((100 - percent) / 2)
        inside = value.is_between(
            pl.col(f"q{tail:02d}") - TOLERANCE, pl.col(f"q{100 - tail:02d}") + TOLERANCE
        )
        within = pl.col("pit").is_between(tail / 100.0, 1.0 - tail / 100.0)
        counts = (
            came.join(pit, on=list(KEYS))
            .group_by("quantity")
            .agg(
                pl.len().cast(pl.Int64).alias("forecasts"),
                inside.sum().cast(pl.Int64).alias("covered"),
                within.mean().alias("coverage_by_pit"),
            )
        )
        low, high = wilson_interval(counts["covered"].to_numpy(), counts["forecasts"].to_numpy())
        frames.append(
            counts.with_columns(
                pl.lit(percent / 100.0).alias("nominal"),
                (pl.col("covered") / pl.col("forecasts")).alias("coverage"),
                pl.Series("coverage_low", low),
                pl.Series("coverage_high", high),
            ).select(list(COVERAGE_SCHEMA))
        )
    return pl.concat(frames).sort("quantity", "nominal")


def reliability_table(
    came: pl.DataFrame, thresholds: pl.DataFrame, new_lesions: pl.DataFrame
) -> pl.DataFrame:
    """Stated chances in groups of equal size, beside the share in which it happened.

    Args:
        came: from `outcomes`, with `p_progression` and `p_new_lesion`.
        thresholds: `patient_id, quantity, day, threshold` (`turning.criterion_ahead.progression_thresholds`).
        new_lesions: `patient_id, new_lesion_day` of the patients who had one.
    """
    bar = thresholds.select("patient_id", "quantity", pl.col("day").alias("origin_day"), "threshold")
    progressed = came.join(bar, on=["patient_id", "quantity", "origin_day"], how="inner").filter(
        pl.col("p_progression").is_not_null() & pl.col("threshold").is_not_null()
    )
    met = pl.col("value") >= pl.col("threshold") - TOLERANCE
    spread = (
        came.filter(pl.col("p_new_lesion").is_not_null())
        .unique(["patient_id", "origin_day", "target_day"], keep="first", maintain_order=True)
        .join(new_lesions, on="patient_id", how="left")
    )
    appeared = (pl.col("new_lesion_day") <= pl.col("target_day")).fill_null(value=False)
    return pl.concat(
        [
            pl.DataFrame(schema=RELIABILITY_SCHEMA),
            *(
                _grouped(
                    own.select(*KEYS, pl.col("p_progression").alias("chance"), met.alias("event")),
                    "progression",
                )
                for own in progressed.partition_by("quantity", maintain_order=True)
            ),
            *(
                _grouped(
                    own.select(*KEYS, pl.col("p_new_lesion").alias("chance"), appeared.alias("event")),
                    "new_lesion",
                )
                for own in [spread]
                if own.height
            ),
        ]
    )


def _grouped(forecasts: pl.DataFrame, event: str) -> pl.DataFrame:
    """Up to ten groups of one event's forecasts, from the smallest chance to the largest."""
    groups = int(np.clip(forecasts.height // FEWEST_IN_GROUP, 1, MOST_GROUPS))
    place = pl.int_range(pl.len()) * groups // pl.len()
    counts = (
        forecasts.sort("chance", *KEYS)
        .with_columns((place + 1).alias("group"))
        .group_by("group", maintain_order=True)
        .agg(
            pl.col("quantity").first(),
            pl.len().cast(pl.Int64).alias("forecasts"),
            pl.col("chance").mean().alias("mean_chance"),
            pl.col("event").sum().cast(pl.Int64).alias("happened"),
            pl.col("event").mean().alias("share"),
        )
    )
    low, high = wilson_interval(counts["happened"].to_numpy(), counts["forecasts"].to_numpy())
    return counts.with_columns(
        pl.lit(event).alias("event"), pl.Series("share_low", low), pl.Series("share_high", high)
    ).select(pl.col(name).cast(dtype) for name, dtype in RELIABILITY_SCHEMA.items())
