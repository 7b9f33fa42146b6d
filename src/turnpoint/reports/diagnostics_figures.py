"""The pictures of the diagnostics page, each with how to read it. English only: the page is for experts."""

from __future__ import annotations

import polars as pl

from turnpoint.charts import diagnostics as charts
from turnpoint.charts import diagnostics_vpc
from turnpoint.charts.diagnostics import HALF, LABELLED
from turnpoint.reports.figure import Figure

PARAMETER_NAMES = {
    "log_kill_per_week": "kill rate d",
    "log_regrowth_per_week": "regrowth rate g",
    "logit_resistant_fraction": "resistant fraction φ",
    "dormancy": "dormancy",
    "log_off_growth_per_week": "growth off treatment",
    "logit_scar_share": "scar share s",
    "log_healthy_background": "healthy background f",
    "log_sd_drift": "drift SD",
    "log_sd_reading": "reading SD",
    "logit_repeat": "chance of a repeat",
    "log_repeat_window": "repeat window",
    "logit_jump": "chance of a jump",
    "log_sd_jump": "jump SD",
    "log_surge": "early surge",
}


def histogram_figure(bins: pl.DataFrame, figure_id: str) -> Figure:
    """Histogram of the transforms of one quantity."""
    outside = bins.filter(~pl.col("forecasts").is_between("expected_low", "expected_high")).height
    low, high = bins.select("expected_low", "expected_high").row(0)
    counts = sorted(bins["forecasts"].to_list())
    return Figure(
        figure_id,
        "Where readings fell in their forecasts (PIT)",
        "Dashed: 90% of the counts of a bin lie between when forecasts are right. A hump in the middle: forecasts too "
        "wide; high ends: too narrow; a slope: too high or too low.",
        f"{sum(counts)} forecasts in {bins.height} bins of {counts[0]} to {counts[-1]}; {outside} bins "
        f"outside {low} to {high}, {0.1 * bins.height:.0f} expected.",
        charts.pit_histogram(bins, HALF),
    )


def ecdf_figure(curve: pl.DataFrame, figure_id: str) -> Figure:
    """Distribution of the transforms of one quantity against the uniform one."""
    return Figure(
        figure_id,
        "The same against the uniform distribution",
        "Blue: share of readings up to each place in the forecast, minus that place. Grey: the whole curve lies inside "
        "with 95% when forecasts are right (Säilynoja, Bürkner, Vehtari 2022).",
        ecdf_words(curve),
        charts.pit_ecdf(curve, HALF),
    )


def ecdf_words(curve: pl.DataFrame) -> str:
    """Whether the curve leaves its band, and how far it goes from 0."""
    outside = ~pl.col("difference").is_between(pl.col("expected_low") - 1e-9, pl.col("expected_high") + 1e-9)
    places = curve.filter(outside)["pit"].sort().to_list()
    far = curve.sort(pl.col("difference").abs()).tail(1)
    reach = f"largest difference {far['difference'][0]:+.3f} at {far['pit'][0]:.2f}".replace("-", "−")
    if not places:
        return f"The curve stays inside the 95% band; {reach}."
    where = f"at {places[0]:.2f}" if len(places) == 1 else f"from {places[0]:.2f} to {places[-1]:.2f}"
    return f"The curve leaves the 95% band at {len(places)} of {curve.height} places, {where}; {reach}."


def coverage_figure(rows: pl.DataFrame, figure_id: str) -> Figure:
    """Coverage of the central intervals of one quantity."""
    text = "; ".join(
        f"{row['nominal']:.0%}: {row['coverage']:.1%} as printed, {row['coverage_by_pit']:.1%} with ties split"
        for row in rows.iter_rows(named=True)
    )
    return Figure(
        figure_id,
        "Coverage of central intervals",
        "Open: readings inside, ties with an end split at random; these belong on the diagonal. Filled, with 95% "
        "intervals (Wilson): inside the interval as printed, ends included. Readers repeat the last number, so a "
        "narrow interval around it holds more than it says.",
        f"{text}.",
        charts.coverage(rows, HALF),
    )


def reliability_figure(rows: pl.DataFrame, figure_id: str) -> Figure:
    """Stated chances of one event against what happened."""
    event = "a first new lesion" if rows["event"][0] == "new_lesion" else "progression at the next visit"
    text = "; ".join(
        f"{row['mean_chance']:.1%} stated, {row['happened']} of {row['forecasts']} happened"
        for row in rows.iter_rows(named=True)
    )
    return Figure(
        figure_id,
        f"Chance of {event}",
        "Groups of equal size, from the smallest chance stated to the largest, with 95% intervals (Wilson). On the "
        "diagonal, a chance means what it says.",
        f"{text}.",
        charts.reliability(rows, HALF),
    )


def predictive_check_figure(rows: pl.DataFrame, quantity: str, replicates: int, figure_id: str) -> Figure:
    """Percentiles of change from baseline, seen and expected."""
    inside = pl.col("observed_log_ratio").is_between("simulated_log_ratio_q05", "simulated_log_ratio_q95")
    return Figure(
        figure_id,
        f"{quantity}: change from baseline",
        f"Black: 5%, 50% and 95% of the changes seen in each time bin. Bands: where 90% of {replicates} replicate "
        "studies have the same percentile; blue lines: their median. Every replicate starts each patient at their own "
        "baseline reading.",
        f"{rows.filter(inside).height} of {rows.height} percentiles seen lie in the band of the model, in "
        f"{rows.height // 3} time bins.",
        diagnostics_vpc.visual_predictive_check(rows, diagnostics_vpc.CHECK),
    )


def shrinkage_figure(rows: pl.DataFrame) -> Figure:
    """Shrinkage of every parameter."""
    several = rows["quantity"].n_unique() > 2
    name = pl.col("parameter").replace(PARAMETER_NAMES)
    marker = pl.when(several & pl.col("quantity").is_not_null()).then(
        pl.format("{}, {}", name, _short("quantity"))
    )
    labelled = rows.with_columns(marker.otherwise(name).alias("label")).drop_nulls("eta_shrinkage")
    text = "; ".join(
        f"{row['label']}: {row['eta_shrinkage']:.2f} and {row['mean_variance_ratio']:.2f}".replace("-", "−")
        for row in labelled.iter_rows(named=True)
    )
    return Figure(
        "shrinkage",
        "Shrinkage at the last visit",
        "Filled: eta shrinkage, 1 − variance of the patients' posterior means / prior variance. Open: mean posterior "
        "variance / prior variance. They agree when these patients differ from each other as much as the prior says; "
        "filled further right: they differ less; further left: they differ more.",
        f"Eta shrinkage and variance ratio. {text}.",
        charts.shrinkage(labelled, LABELLED),
    )


def _short(column: str) -> pl.Expr:
    return pl.col(column).replace({"sum_of_diameters_mm": "sum"})
