"""The page for experts: complete in itself, and its words say what the numbers say."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html import unescape

import numpy as np
import polars as pl
import pytest

from turnpoint.charts import diagnostics as charts
from turnpoint.charts import diagnostics_vpc
from turnpoint.charts.svg import svg
from turnpoint.model.prior import Alert
from turnpoint.model.weighing import SMALLEST_EFFECTIVE_SIZE
from turnpoint.pictures.patient import Provenance
from turnpoint.reports.diagnostics_figures import PARAMETER_NAMES, ecdf_words, shrinkage_figure
from turnpoint.reports.diagnostics_page import DiagnosticsView, diagnostics_page

SUM = "sum_of_diameters_mm"
HOSTILE = "<script>alert('x')</script>&{x}%s"
ViewOf = Callable[..., DiagnosticsView]


def _histogram(quantity: str) -> pl.DataFrame:
    edges = np.linspace(0, 1, 21)
    counts = [10, *[20] * 18, 31]
    columns = {"from_pit": edges[:-1], "to_pit": edges[1:], "forecasts": counts}
    band = (pl.lit(12).alias("expected_low"), pl.lit(28).alias("expected_high"))
    return pl.DataFrame(columns).select(pl.lit(quantity).alias("quantity"), pl.all(), *band)


def _ecdf(quantity: str, difference: float) -> pl.DataFrame:
    points = np.arange(1, 100) / 100
    band = 0.1 * np.sqrt(points * (1 - points))
    bent = difference * np.sin(np.pi * points)
    return pl.DataFrame(
        {
            "quantity": quantity,
            "pit": points,
            "difference": bent,
            "expected_low": -band,
            "expected_high": band,
        }
    )


def _coverage(quantity: str) -> pl.DataFrame:
    level = pl.int_range(1, 10, eager=True) / 10
    return pl.DataFrame({"nominal": level}).select(
        pl.lit(quantity).alias("quantity"),
        "nominal",
        pl.lit(391).alias("forecasts"),
        (pl.col("nominal") * 391).round().cast(pl.Int64).alias("covered"),
        (pl.col("nominal") + 0.02).alias("coverage"),
        (pl.col("nominal") - 0.03).alias("coverage_low"),
        (pl.col("nominal") + 0.07).alias("coverage_high"),
        (pl.col("nominal") - 0.001).alias("coverage_by_pit"),
    )


def _reliability(quantity: str, event: str) -> pl.DataFrame:
    rows = [(1, 30, 0.05, 2, 0.067, 0.02, 0.21), (2, 30, 0.4, 11, 0.367, 0.22, 0.54)]
    names = ["group", "forecasts", "mean_chance", "happened", "share", "share_low", "share_high"]
    whose = (pl.lit(quantity).alias("quantity"), pl.lit(event).alias("event"))
    return pl.DataFrame(rows, schema=names, orient="row").select(*whose, pl.all())


def _check(quantity: str) -> pl.DataFrame:
    rows = [
        (
            quantity,
            42 * i - 21,
            42 * i + 20,
            42.0 * i,
            60,
            level,
            at - 0.1 * i,
            at - 0.2 * i - 0.1,
            at - 0.1 * i,
            at + 0.1,
        )
        for i in (1, 2, 3)
        for level, at in ((0.05, -0.6), (0.5, -0.1), (0.95, 0.3))
    ]
    names = ["quantity", "from_day", "to_day", "middle_day", "readings", "level", "observed_log_ratio"]
    names += [f"simulated_log_ratio_{edge}" for edge in ("q05", "q50", "q95")]
    return pl.DataFrame(rows, schema=names, orient="row")


def _shrinkage(quantity: str) -> pl.DataFrame:
    rows = [
        (None, "log_kill_per_week", 0.4, 0.45),
        (quantity, "log_sd_drift", -0.2, 0.7),
        (quantity, "log_new", 1.0, 1.1),
    ]
    return pl.DataFrame(
        rows, schema=["quantity", "parameter", "eta_shrinkage", "mean_variance_ratio"], orient="row"
    )


@pytest.fixture
def view_of() -> ViewOf:
    def view(
        quantities: tuple[str, ...] = (SUM,), difference: float = 0.01, **changes: object
    ) -> DiagnosticsView:
        whole = DiagnosticsView(
            study_name="trial 7",
            forecasts=391,
            replicates=200,
            most_patients=1000,
            provenance=Provenance("0.1", date(2026, 11, 23), "docetaxel", "CT, OAK.", 325, Alert(0.8, 5.0)),
            pit_histogram=pl.concat([_histogram(quantity) for quantity in quantities]),
            pit_ecdf=pl.concat([_ecdf(quantity, difference) for quantity in quantities]),
            coverage=pl.concat([_coverage(quantity) for quantity in quantities]),
            reliability=pl.concat([_reliability(quantity, "progression") for quantity in quantities]),
            visual_predictive_check=pl.concat([_check(quantity) for quantity in quantities]),
            shrinkage=pl.concat([_shrinkage(quantity) for quantity in quantities]),
            patients=pl.DataFrame({"effective_size": [150.0, 200.0, 400.0], "pareto_k": [0.71, 0.7, None]}),
        )
        return replace(whole, **changes)  # type: ignore[arg-type]

    return view


def _text(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page[page.index("<body") :])).split())


def test_page_loads_nothing_and_runs_nothing(view_of: ViewOf) -> None:
    page = diagnostics_page(view_of())
    assert not re.findall(r"<script|<link[^>]+stylesheet|@import|javascript:", page)
    loaded = re.findall(r"(?:src|href)=\"([^\"]*)\"|url\(([^)]*)\)", page)
    assert all((one or other).startswith(("#", "data:")) for one, other in loaded)


def test_page_has_every_picture_once_with_words_and_no_id_twice(view_of: ViewOf) -> None:
    page = diagnostics_page(view_of())
    pictures = re.findall(
        r"<svg[^>]*role=\"img\"[^>]*><title[^>]*>[^<]+</title><desc[^>]*>([^<]+)</desc>", page
    )
    assert len(pictures) == 6  # histogram, distribution, coverage, chance, check, shrinkage
    assert all(len(words) > 40 for words in pictures)
    ids = re.findall(r"\bid=\"([^\"]+)\"", page)
    assert len(ids) == len(set(ids))


def test_page_shows_markup_as_text_when_names_are_hostile(view_of: ViewOf) -> None:
    page = diagnostics_page(view_of((HOSTILE,), study_name=HOSTILE))
    assert "<script" not in page
    assert HOSTILE in _text(page)


def test_page_has_the_sum_before_the_markers(view_of: ViewOf) -> None:
    text = _text(diagnostics_page(view_of(("CEA", SUM))))
    first = text.index("Sum of diameters: forecasts of the next reading")
    assert first < text.index("CEA: forecasts of the next reading")


def test_page_shows_chances_of_new_lesions_only_when_there_are_any(view_of: ViewOf) -> None:
    without = view_of()
    both = pl.concat([without.reliability, _reliability(SUM, "new_lesion")])
    assert "Chance of a first new lesion" not in diagnostics_page(without)
    assert "Chance of a first new lesion" in diagnostics_page(replace(without, reliability=both))


def test_page_says_why_there_is_no_check_and_no_shrinkage_when_the_study_is_small(view_of: ViewOf) -> None:
    small = view_of()
    one = small.patients.head(1)
    text = _text(
        diagnostics_page(
            replace(small, visual_predictive_check=small.visual_predictive_check.clear(), patients=one)
        )
    )
    assert "Fewer than 20 readings after baseline" in text
    assert "Shrinkage needs more than one patient" in text
    assert "1 patient " in text


def test_page_counts_patients_whose_particles_are_few_or_heavy_tailed(view_of: ViewOf) -> None:
    text = _text(diagnostics_page(view_of()))
    assert f"below {SMALLEST_EFFECTIVE_SIZE:.0f} in 1 of 3 patients. Pareto k above 0.7 in 1." in text
    assert "Read those patients' posteriors with care" in text
    fine = pl.DataFrame({"effective_size": [200.0], "pareto_k": [0.7]})
    assert "with care" not in _text(diagnostics_page(view_of(patients=fine)))


@pytest.mark.parametrize(("difference", "said"), [(0.04, "stays inside"), (0.06, "leaves")])
def test_ecdf_words_say_whether_the_curve_leaves_its_band(difference: float, said: str) -> None:
    words = ecdf_words(_ecdf(SUM, difference))
    assert said in words
    assert f"+{difference:.3f} at 0.50" in words


def test_ecdf_words_say_where_the_curve_leaves_its_band() -> None:
    curve = _ecdf(SUM, 0.0).with_columns(
        pl.when(pl.col("pit").is_between(0.295, 0.405)).then(-0.2).otherwise("difference").alias("difference")
    )
    assert "at 11 of 99 places, from 0.30 to 0.40; largest difference −0.200" in ecdf_words(curve)


def test_shrinkage_names_the_quantity_only_when_there_are_several() -> None:
    assert "drift SD: −0.20 and 0.70" in shrinkage_figure(_shrinkage(SUM)).drawing
    both = shrinkage_figure(pl.concat([_shrinkage(SUM), _shrinkage("CEA")])).drawing
    assert "drift SD, sum:" in both
    assert "drift SD, CEA:" in both
    assert "log_new" in both  # a parameter that has no words yet keeps its name


def test_every_parameter_of_the_model_has_words() -> None:
    from turnpoint.diagnostics.posterior_checks import transformed_names
    from turnpoint.model.prior import named_prior

    for prior in ("docetaxel-nsclc-ct", "docetaxel-prostate-psa"):
        assert {name for _, name in transformed_names(named_prior(prior))} <= set(PARAMETER_NAMES)


def test_predictive_check_draws_bands_no_further_than_what_was_seen_reaches_again() -> None:
    rows = _check(SUM)
    far = rows.with_columns(pl.lit(40.0).alias("simulated_log_ratio_q95"))
    spec = diagnostics_vpc.visual_predictive_check(far, diagnostics_vpc.CHECK)
    seen = rows["observed_log_ratio"]
    top = max(
        layer["encoding"]["y"]["scale"]["domain"][1]
        for layer in spec["layer"]
        if "scale" in layer["encoding"]["y"]
    )
    assert seen.max() < top < seen.max() + 1.2 * (seen.max() - seen.min())


def test_predictive_check_labels_changes_as_percent() -> None:
    drawn = svg(
        diagnostics_vpc.visual_predictive_check(_check(SUM), diagnostics_vpc.CHECK),
        figure_id="f",
        title="t",
        description="d",
    )
    labels = re.findall(r">([+−]?\d+)<", drawn)
    assert {"0", "−50", "+25"} <= set(labels)


def test_histogram_counts_are_labelled_with_whole_numbers_when_there_are_few() -> None:
    bins = _histogram(SUM).with_columns(
        pl.lit(1).alias("forecasts"), pl.lit(0).alias("expected_low"), pl.lit(2).alias("expected_high")
    )
    drawn = svg(charts.pit_histogram(bins, charts.HALF), figure_id="f", title="t", description="d")
    assert re.findall(r">(\d)</text>", drawn).count("1") == 2  # the count, and the end of the other axis
