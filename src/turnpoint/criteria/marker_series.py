"""One marker's values as the marker criteria read them: a series for each patient, with what each value proves.

1. A visit is a day with a value; several values of one day count as their mean, as in `marker_progression`.
2. A value below the assay's limit (`<5`) is anywhere from 0 to that limit, one above it (`>5000`) anywhere from it up.
   `lower` and `upper` say so: a fall is proven by `upper`, a rise by `lower`, and the nadir is the smallest `upper`.
3. Baseline is the last value up to day 0 (a sample of day 0 was drawn before the first dose), or else the first.
4. Nadir is the smallest value before the visit, baseline included.
5. What is seen after the start of a new therapy is not judged, and confirms nothing.
"""

from __future__ import annotations

import polars as pl

from turnpoint.criteria.courses import with_course
from turnpoint.errors import Problem

# Values are decimal fractions: 0.5 x 70.2 must not miss a threshold by a rounding error.
TOLERANCE = 1e-9
_INFINITE = float("inf")


def marker_series(markers: pl.DataFrame, marker: str, new_therapy: pl.DataFrame) -> pl.DataFrame:
    """The daily values of one marker (rules 1, 2 and 5).

    Args:
        markers: as in `Study.markers`.
        marker: its canonical name.
        new_therapy: `patient_id, new_therapy_day`.

    Returns:
        `patient_id, reader` (null: nobody reads a blood sample), `day, value, lower, upper, upper_limit, course,
        judged`, sorted by patient and day. `course` counts patients from 1; `judged` is false after a new therapy.
    """
    value, censoring = pl.col("value").cast(pl.Float64), pl.col("censoring")
    daily = (
        markers.filter((pl.col("marker") == marker) & value.is_not_null())
        .group_by("patient_id", "day")
        .agg(
            value.mean().alias("value"),
            pl.when(censoring == "left").then(0.0).otherwise(value).mean().alias("lower"),
            pl.when(censoring == "right").then(_INFINITE).otherwise(value).mean().alias("upper"),
            pl.col("upper_limit").cast(pl.Float64).max(),
        )
        .sort("patient_id", "day")
    )
    therapy = new_therapy.select("patient_id", pl.col("new_therapy_day").cast(pl.Int64))
    return (
        with_course(daily.with_columns(reader=pl.lit(None, pl.String)))
        .join(therapy, on="patient_id", how="left", maintain_order="left")
        .with_columns((pl.col("day") <= pl.col("new_therapy_day")).fill_null(value=True).alias("judged"))
        .drop("new_therapy_day")
    )


def with_baseline(series: pl.DataFrame) -> pl.DataFrame:
    """Rules 3 and 4: `baseline_day, baseline, baseline_lower, baseline_upper, nadir` and `after`.

    `after` is true after the baseline. `nadir` is that of rule 4, null up to the baseline; the baseline columns are
    null before it, `baseline_day` is not.
    """
    day = pl.col("day")
    last_before = pl.when(day <= 0).then(day).max().over("course")
    series = series.with_columns(
        pl.coalesce(last_before, day.min().over("course")).alias("baseline_day")
    ).with_columns((day > pl.col("baseline_day")).alias("after"))
    at = day == pl.col("baseline_day")
    baselines = series.filter(at).select(
        "course",
        pl.col("value").alias("baseline"),
        pl.col("lower").alias("baseline_lower"),
        pl.col("upper").alias("baseline_upper"),
    )
    from_baseline = pl.when(day >= pl.col("baseline_day"))
    series = series.join(baselines, on="course", how="left", maintain_order="left")
    return series.with_columns(
        *(from_baseline.then(name).alias(name) for name in ("baseline", "baseline_lower", "baseline_upper")),
        from_baseline.then("upper").cum_min().shift(1).over("course").alias("nadir"),
    )


def change_pct(reference: str) -> pl.Expr:
    """100·(value - reference)/reference; 0 for 0 after 0, inf for a rise from 0; null from an unknown reference."""
    now, before = pl.col("value"), pl.col(reference)
    return (
        pl.when(before.is_infinite())
        .then(None)
        .when(before > 0)
        .then(100.0 * (now - before) / before)
        .when((before == 0) & (now == 0))
        .then(0.0)
        .when((before == 0) & (now > 0))
        .then(_INFINITE)
    )


def with_run(series: pl.DataFrame, holds: str, name: str, *, linked: pl.Expr | None = None) -> pl.DataFrame:
    """Unbroken runs of samples in which something holds: `{name}_from` and `{name}_to`, null where it does not.

    A confirmation so many days later, with nothing between that speaks against it, is a run at least that long.

    Args:
        series: with `course` and `day`, sorted by them.
        holds: name of a column of truth.
        name: beginning of the new columns, first and last day of the run that a sample lies in.
        linked: whether a sample continues the run of the one before; by default every one in which it holds does.
    """
    own = pl.col(holds)
    before = own.shift(1) & (pl.col("course") == pl.col("course").shift(1))
    continues = own & before.fill_null(value=False)
    if linked is not None:
        continues = continues & linked.fill_null(value=False)
    day = pl.col("day")
    return (
        series.with_columns((~continues).cum_sum().alias("run"))
        .with_columns(
            pl.when(own).then(day.min().over("run")).alias(f"{name}_from"),
            pl.when(own).then(day.max().over("run")).alias(f"{name}_to"),
        )
        .drop("run")
    )


def number(column: str | pl.Expr) -> pl.Expr:
    """A number as text, at most two decimals: `70`, `62.15`."""
    value = pl.col(column) if isinstance(column, str) else column
    return value.cast(pl.Float64).round(2).cast(pl.String).str.strip_suffix(".0")


def measured(column: str, lower: str, upper: str) -> pl.Expr:
    """A value as text, as the laboratory gave it: `70`, `<5`, `>5000`."""
    return pl.when(pl.col(upper).is_infinite()).then(pl.lit(">")).when(pl.col(lower) < pl.col(upper)).then(
        pl.lit("<")
    ).otherwise(pl.lit("")) + number(column)


def warning(rows: pl.DataFrame, column: str, rule: str, mend: str) -> tuple[Problem, ...]:
    """One warning about all these rows of markers, none when there are none.

    Args:
        rows: with `patient_id`, and `source_row` where it is known.
        column: the column it is about.
        rule: what follows "3 patients ", with the paper.
        mend: what to do.
    """
    if rows.is_empty():
        return ()
    patients = rows["patient_id"].n_unique()
    first = rows["source_row"].min() if "source_row" in rows.columns else None
    return (
        Problem(
            file="markers.csv",
            row=first if isinstance(first, int) else None,
            column=column,
            value=None,
            rule=f"{patients} patient{'s' if patients > 1 else ''} {rule}",
            mend=mend,
            severity="warning",
        ),
    )
