"""The diagnostics page against its tables: each number counted again, of a study with a sum and three markers."""

from __future__ import annotations

import re
from functools import cache
from statistics import median
from typing import Any

import polars as pl
import pytest

from scripts.golden_pages import charts_of, read_whole, words
from tests.reports.consistency import plain
from tests.reports.traced import untraced_of
from turnpoint.model.pareto import TRUSTED_BELOW
from turnpoint.model.weighing import SMALLEST_EFFECTIVE_SIZE
from turnpoint.reports.diagnostics_page import DiagnosticsView, diagnostics_page

SUM = "sum_of_diameters_mm"
QUANTITIES = (SUM, "CA-125", "CEA", "PSA")
PLACED = [*enumerate(QUANTITIES)]


@cache
def view() -> DiagnosticsView:
    found: DiagnosticsView = read_whole("diagnostics")
    return found


@cache
def page() -> tuple[str, dict[str, Any]]:
    return charts_of(lambda: diagnostics_page(view()))


def described(figure: str) -> str:
    return str(page()[1][figure]["description"]).replace("−", "-")


def drawn(figure: str, column: str) -> list[list[dict[str, Any]]]:
    """Each table that a picture is drawn from and that has the column."""
    return [rows for rows in page()[1][figure]["datasets"].values() if rows and column in rows[0]]


def test_header_counts_patients_forecasts_and_the_coverage_of_each_quantity() -> None:
    header = page()[0][page()[0].index("<header") : page()[0].index("</header>")]
    said = re.findall(r"<strong>([^<]+)</strong> ([^<]+)</li>", header)
    wanted = [(str(view().patients.height), "patients"), (str(view().forecasts), "forecasts judged")]
    for quantity in QUANTITIES:
        (row,) = view().coverage.filter(quantity=quantity, nominal=0.8).to_dicts()
        share = f"{100 * row['covered'] / row['forecasts']:.1f}".removesuffix(".0")
        name = "Sum of diameters" if quantity == SUM else quantity
        wanted.append((f"{share}%", f"of readings in the 80% interval, {name}"))
    assert said == wanted
    assert view().forecasts == view().coverage.filter(nominal=0.8)["forecasts"].sum()


@pytest.mark.parametrize(("place", "quantity"), PLACED)
def test_histogram_counts_every_forecast_and_its_bins_outside_the_band(place: int, quantity: str) -> None:
    bins = view().pit_histogram.filter(quantity=quantity).to_dicts()
    counts = [row["forecasts"] for row in bins]
    outside = [row for row in bins if not row["expected_low"] <= row["forecasts"] <= row["expected_high"]]
    low, high = bins[0]["expected_low"], bins[0]["expected_high"]
    assert described(f"histogram{place}") == (
        f"{sum(counts)} forecasts in {len(bins)} bins of {min(counts)} to {max(counts)}; {len(outside)} bins outside "
        f"{low} to {high}, {0.1 * len(bins):.0f} expected."
    )
    assert sum(counts) == view().coverage.filter(quantity=quantity, nominal=0.8)["forecasts"].item()
    (bars,) = drawn(f"histogram{place}", "forecasts")
    assert [row["forecasts"] for row in bars] == counts


@pytest.mark.parametrize(("place", "quantity"), PLACED)
def test_curve_says_where_it_leaves_its_band_and_how_far_it_goes(place: int, quantity: str) -> None:
    curve = view().pit_ecdf.filter(quantity=quantity).sort("pit").to_dicts()
    outside = [
        row["pit"] for row in curve if not row["expected_low"] <= row["difference"] <= row["expected_high"]
    ]
    farthest = max(abs(row["difference"]) for row in curve)
    said = described(f"ecdf{place}")
    if outside:
        assert f"at {len(outside)} of {len(curve)} places" in said
        assert f"{outside[0]:.2f}" in said
        assert f"{outside[-1]:.2f}" in said
    else:
        assert "stays inside the 95% band" in said
    far = re.search(r"largest difference ([+-]\d\.\d{3}) at (\d\.\d\d)", said)
    assert abs(float(far[1])) == pytest.approx(farthest, abs=5e-4)
    (at,) = [row for row in curve if f"{row['pit']:.2f}" == far[2]]
    assert f"{at['difference']:+.3f}" == far[1]
    assert said.replace("-", "−") in words(page()[0])


@pytest.mark.parametrize(("place", "quantity"), PLACED)
def test_coverage_is_said_and_drawn_as_counted(place: int, quantity: str) -> None:
    rows = view().coverage.filter(quantity=quantity).sort("nominal").to_dicts()
    said = re.findall(
        r"(\d+)%: ([\d.]+)% as printed, ([\d.]+)% with ties split", described(f"coverage{place}")
    )
    wanted = [
        (100 * row["nominal"], 100 * row["covered"] / row["forecasts"], 100 * row["coverage_by_pit"])
        for row in rows
    ]
    assert [tuple(map(float, own)) for own in said] == [pytest.approx(own, abs=0.0501) for own in wanted]
    (bars,) = drawn(f"coverage{place}", "coverage_low")
    assert [(row["coverage_low"], row["coverage_high"]) for row in bars] == [
        (row["coverage_low"], row["coverage_high"]) for row in rows
    ]
    for row in rows:
        assert row["coverage_low"] < row["covered"] / row["forecasts"] + 1e-9
        assert row["coverage_high"] > row["covered"] / row["forecasts"] - 1e-9


@pytest.mark.parametrize("event", ["progression", "new_lesion"])
@pytest.mark.parametrize(("place", "quantity"), PLACED)
def test_chances_are_said_with_what_happened(place: int, quantity: str, event: str) -> None:
    rows = view().reliability.filter(quantity=quantity, event=event).sort("group").to_dicts()
    figure = f"reliability{place}-{event}"
    assert (figure in page()[1]) == bool(rows)
    if not rows:
        return
    said = re.findall(r"([\d.]+)% stated, (\d+) of (\d+) happened", described(figure))
    wanted = [(100 * row["mean_chance"], row["happened"], row["forecasts"]) for row in rows]
    assert [tuple(map(float, own)) for own in said] == [pytest.approx(own, abs=0.0501) for own in wanted]
    title = page()[1][figure]["title"]
    assert (
        title
        == f"Chance of {'a first new lesion' if event == 'new_lesion' else 'progression at the next visit'}"
    )


def test_check_counts_the_percentiles_that_lie_in_their_bands() -> None:
    found = {row["quantity"] for row in view().visual_predictive_check.to_dicts()}
    order = [own for own in QUANTITIES if own in found]
    for place, quantity in enumerate(order):
        rows = view().visual_predictive_check.filter(quantity=quantity).to_dicts()
        inside = [
            row
            for row in rows
            if row["simulated_log_ratio_q05"] <= row["observed_log_ratio"] <= row["simulated_log_ratio_q95"]
        ]
        bins = {row["from_day"] for row in rows}
        assert described(f"check{place}") == (
            f"{len(inside)} of {len(rows)} percentiles seen lie in the band of the model, in {len(bins)} time bins."
        )
    assert [figure for figure in page()[1] if figure.startswith("check")] == [
        f"check{place}" for place in range(len(order))
    ]


def test_shrinkage_says_each_parameter_with_both_numbers() -> None:
    rows = view().shrinkage.drop_nulls("eta_shrinkage").to_dicts()
    said = re.findall(r": (-?\d\.\d\d) and (\d+\.\d\d)", described("shrinkage"))
    wanted = [(row["eta_shrinkage"], row["mean_variance_ratio"]) for row in rows]
    assert [tuple(map(float, own)) for own in said] == [pytest.approx(own, abs=0.00501) for own in wanted]


def test_particles_are_counted_by_the_bounds_of_the_model() -> None:
    rows = view().patients.to_dicts()
    sizes = [row["effective_size"] for row in rows]
    few = sum(size < SMALLEST_EFFECTIVE_SIZE for size in sizes)
    heavy = sum(row["pareto_k"] is not None and row["pareto_k"] > TRUSTED_BELOW for row in rows)
    said = plain(page()[0])
    found = re.search(
        r"median ([\d,]+), smallest ([\d,]+); below (\d+) in (\d+) of (\d+) patients\. Pareto k above ([\d.]+) in (\d+)",
        said,
    )
    assert [float(own.replace(",", "")) for own in found.groups()] == [
        round(median(sizes)),
        round(min(sizes)),
        SMALLEST_EFFECTIVE_SIZE,
        few,
        len(rows),
        TRUSTED_BELOW,
        heavy,
    ]
    assert ("with care" in said) == bool(few or heavy)


def test_every_number_of_the_page_is_known_and_another_is_noticed() -> None:
    said = words(page()[0])
    pages = ("diagnostics_page.py", "diagnostics_figures.py", "templates/diagnostics.html")
    out = (pl.col("difference") < pl.col("expected_low")) | (pl.col("difference") > pl.col("expected_high"))
    outside = view().pit_ecdf.group_by("quantity").agg(out.sum())["difference"].to_list()
    also = [
        *outside,
        99,
        median(view().patients["effective_size"].to_list()),
        view().patients.filter(view().patients["pareto_k"] > TRUSTED_BELOW).height,
        view().patients.filter(view().patients["effective_size"] < SMALLEST_EFFECTIVE_SIZE).height,
        SMALLEST_EFFECTIVE_SIZE,
        TRUSTED_BELOW,
    ]
    assert untraced_of(said, view(), *pages, also=also) == []
    coverage = re.search(r"\n([\d.]+%)\nof readings", said)[1]
    assert untraced_of(said.replace(coverage, "123.4%"), view(), *pages, also=also)  # no share
