"""Views with next to nothing in them, and with too much: a page comes out, and says what is missing."""

from __future__ import annotations

import math
from dataclasses import replace
from types import ModuleType

import polars as pl
import pytest

from turnpoint.pictures.patient import PatientPicture
from turnpoint.reports.catalogue import language
from turnpoint.reports.clinician import gap_sentences, progression_table
from turnpoint.reports.rendering import render_cohort, render_patient

_AUDIENCES = ("clinician", "patient", "statistician")


def _all(view: PatientPicture, lang: str = "en") -> dict[str, str]:
    return {audience: render_patient(view, audience, lang) for audience in _AUDIENCES}  # type: ignore[arg-type]


def _empty(views: ModuleType) -> PatientPicture:
    view: PatientPicture = views.undetermined_view()
    return replace(
        view,
        sums=pl.DataFrame(schema=views.SUMS_SCHEMA),
        assessment=pl.DataFrame(schema=views.ASSESSMENT_SCHEMA),
        fan=pl.DataFrame(schema=views.FAN_SCHEMA),
        p_progression=pl.DataFrame(schema=views.PROGRESSION_SCHEMA),
        baseline_mm=None,
        nadir_mm=None,
        partial_response_line_mm=None,
        progression_line_mm=None,
        progression_gap=None,
        evidence=(),
        tumour_type=None,
        regimen=None,
    )


def test_pages_say_that_nothing_was_assessed_when_the_view_is_empty(views: ModuleType) -> None:
    pages = _all(_empty(views))
    assert "Not assessed: no usable reading" in pages["clinician"]
    assert "There are no results to look at yet." in pages["patient"]
    assert not [page for page in pages.values() if "<svg" in page or "None" in page or "nan" in page]


def test_pages_show_markers_only_when_there_are_no_lesions(views: ModuleType) -> None:
    pages = _all(views.marker_only_view())
    assert "PSA, ng/mL" in pages["clinician"]
    assert "RECIST still waits" not in pages["clinician"]
    assert "Blood value PSA, in ng/mL" in pages["patient"]
    # the first panel names the turning point, since there is no sum above it
    assert "Turning point: week 19" in pages["clinician"]


def test_pages_show_one_visit_when_there_is_one(views: ModuleType) -> None:
    view = views.undetermined_view()
    one = replace(
        view,
        sums=view.sums.head(1),
        assessment=view.assessment.head(1),
        fan=pl.DataFrame(schema=views.FAN_SCHEMA),
    )
    pages = _all(one)
    assert "Sum of diameters 35 mm at week −4." in pages["clinician"]
    assert "1 visit until" in pages["clinician"]


def test_pages_say_not_yet_determined_when_every_quantile_is_null(views: ModuleType) -> None:
    view = views.undetermined_view()
    names = [name for name in view.assessment.columns if name.startswith("p_") or "_q" in name]
    nothing = view.assessment.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in names)
    pages = _all(replace(view, assessment=nothing))
    assert pages["clinician"].count("not yet determined") >= 3
    assert "None" not in pages["clinician"]
    assert "We cannot yet say when the cancer is at its smallest." in pages["patient"]


def test_pages_stand_when_everything_measured_is_zero(views: ModuleType) -> None:
    view = replace(
        views.undetermined_view(),
        sums=views.sums_frame([0, 40, 80], [0.0, 0.0, 0.0]),
        baseline_mm=0.0,
        nadir_mm=0.0,
        partial_response_line_mm=0.0,
        progression_line_mm=5.0,
        progression_gap=views.gap(0.0, 0.0),
        markers=views.marker_frame("PSA", [0, 20, 40], [0.0, 0.0, 0.0], "ng/mL", 0.0),
    )
    pages = _all(view)
    # no ratio of volumes exists from 0 mm, so none is claimed
    assert "Progression is called at 5 mm: 5 mm more than now." in pages["clinician"]
    assert "times the volume" not in pages["clinician"]
    assert "inf" not in pages["clinician"].replace("inform", "").replace("informative", "")


def test_clinician_page_says_reached_when_nothing_is_left_to_gain(views: ModuleType) -> None:
    view = replace(views.undetermined_view(), progression_gap=views.gap(40.0, 30.0))
    assert gap_sentences(view, language("en")) == ["The sum has reached the progression threshold (36 mm)."]


def test_pages_stand_when_optional_cells_are_null(views: ModuleType) -> None:
    view = views.regrowing_view()
    view = replace(
        view,
        sums=view.sums.with_columns(
            pl.lit(None, dtype=dtype).alias(name)
            for name, dtype in views.SUMS_SCHEMA.items()
            if name not in ("day", "sum_of_diameters_mm")
        ),
        markers=view.markers.with_columns(
            pl.lit(None, dtype=pl.String).alias("unit"), pl.lit(None, dtype=pl.Float64).alias("upper_limit")
        ),
        doses=view.doses.with_columns(
            pl.lit(None, dtype=pl.Float64).alias("dose"), pl.lit(None, dtype=pl.String).alias("unit")
        ),
        events=view.events.with_columns(pl.lit(None, dtype=pl.Int64).alias("grade")),
    )
    assert not [page for page in _all(view).values() if "None" in page or ">nan" in page]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_clinician_page_stands_when_the_fan_is_not_finite(views: ModuleType, bad: float) -> None:
    view = views.undetermined_view()
    page = render_patient(
        replace(view, fan=view.fan.with_columns(pl.lit(bad).alias("q95"))), "clinician", "en"
    )
    assert "NaN" not in page


def test_clinician_page_holds_a_very_long_course(views: ModuleType) -> None:
    days = list(range(0, 200 * 21, 21))
    sizes = [50.0 + 20.0 * math.sin(index / 9) for index in range(200)]
    view = replace(
        views.undetermined_view(),
        sums=views.sums_frame(days, sizes),
        assessment=views.assessment_frame(
            [views.assessment_row(day, (0.3, 0.3, 0.4), "plateau") for day in days]
        ),
    )
    page = render_patient(view, "clinician", "en")
    assert "First, smallest and last of 200 sums." in page
    assert page.count('<tr role="row">') >= 200
    assert len(page) < 1_000_000


def test_cohort_page_stands_when_there_is_nothing_in_it(views: ModuleType) -> None:
    view = views.cohort_view()
    empty = replace(
        view,
        counts={"patients": 0},
        waterfall=view.waterfall.clear(),
        spider=view.spider.clear(),
        swimmer=view.swimmer.clear(),
        alerts=view.alerts.clear(),
        called=view.called.clear(),
        marker_spider=view.marker_spider.clear(),
        verdicts=view.verdicts.clear(),
        provenance=(),
    )
    page = render_cohort(empty, "en")
    assert "No patient was alerted." in page
    assert "<svg" not in page


def test_cohort_page_lists_no_more_than_500_alerts(views: ModuleType) -> None:
    view = views.cohort_view()
    many = pl.concat([view.alerts] * 20)
    assert many.height > 500
    page = render_cohort(
        replace(
            view,
            alerts=many,
            called=view.called.clear(),
            spider=view.spider.clear(),
            swimmer=view.swimmer.clear(),
            waterfall=view.waterfall.clear(),
            marker_spider=view.marker_spider.clear(),
        ),
        "en",
    )
    assert page.count('<td role="cell" data-label="Patient">') == 500
    assert "The first 500 are shown." in page


def test_progression_table_leaves_out_what_has_progressed_already(views: ModuleType) -> None:
    view = views.regrowing_view()
    is_sum = pl.col("quantity") == "sum_of_diameters_mm"
    progressed = view.p_progression.with_columns(
        pl.when(~is_sum).then("p_progression").alias("p_progression")
    )
    table = progression_table(replace(view, p_progression=progressed), language("en"))
    assert table is not None
    assert [row[0] for row in table.rows] == ["CEA"]
    nothing = progressed.with_columns(pl.lit(None, dtype=pl.Float64).alias("p_progression"))
    assert progression_table(replace(view, p_progression=nothing), language("en")) is None
