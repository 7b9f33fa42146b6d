"""The one chart of a course: every number in it is one of the picture's, and it has the lanes there are data for."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import accumulate
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from scripts.golden_pages import GOLDEN, PATIENTS
from turnpoint.charts.language import Language
from turnpoint.charts.treatment import pauses
from turnpoint.pictures.document import from_json
from turnpoint.pictures.patient import PatientPicture
from turnpoint.reports.rendering import patient_specifications, render_patient

# where things lie on the sheet, in pixels; all else that a chart is drawn from is a number of the picture
_LAYOUT = ("y", "y2", "top", "bottom", "low", "high", "strength", "share", "label_mm")
_STATES = ("responding", "plateau", "regrowing")


def _golden(name: str) -> PatientPicture:
    return from_json((GOLDEN / f"{name}.json").read_bytes())


def _course(view: PatientPicture, lang: str = "en") -> dict[str, Any]:
    return patient_specifications(view, "clinician", lang)["course"]


def _rows(chart: dict[str, Any]) -> list[dict[str, Any]]:
    """Every row of data, weeks to nine digits."""
    rows = [dict(row) for rows in chart["datasets"].values() for row in rows]
    for row in rows:
        if row.get("week") is not None:
            row["week"] = round(row["week"], 9)
    return rows


def _titles(chart: dict[str, Any]) -> list[str]:
    """The words that stand in bold where a lane begins."""
    bold = [
        layer
        for group in chart["layer"]
        for layer in group["layer"]
        if layer["mark"].get("fontWeight") == 600 and layer["encoding"]["y"].get("field") == "y"
    ]
    return [row["text"] for layer in bold for row in chart["datasets"][layer["data"]["name"]]]


def _numbers(view: PatientPicture) -> set[float]:
    """Every number of a picture that its chart may show, days in weeks."""
    found: set[float] = set()
    for table in (view.sums, view.markers, view.doses, view.events, view.assessment, view.fan):
        for column, kind in table.schema.items():
            if kind.is_numeric():
                values = [float(value) for value in table[column].drop_nulls()]
                found |= {value / 7.0 for value in values} if column.endswith("day") else {*values}
                if "_day_" in column:
                    found |= {value / 7.0 for value in values}
    for lesion in view.lesions:
        found |= {own.size_mm for own in lesion.readings if own.size_mm is not None}
        found |= {own.day / 7.0 for own in lesion.readings}
    lines = (view.baseline_mm, view.partial_response_line_mm, view.progression_line_mm)
    return found | {line for line in lines if line is not None}


@pytest.mark.parametrize("name", PATIENTS)
def test_every_number_of_the_chart_is_one_of_the_picture(name: str) -> None:
    view = _golden(name)
    chart, known = _course(view), _numbers(view)
    at_rest = chart["usermeta"]["at_rest"]
    known |= {at_rest["first_shown_week"], at_rest["last_shown_week"]}  # a band ends where the axis does
    # the pointer's rule waits at 0; the words about the turning point and a pause stand between their ends
    last_day = float(view.assessment["day"].to_numpy().max())
    known |= {day / 7.0 for pause in pauses(view.doses, last_day) for day in pause}
    placed = {"middle"}
    for layer in (layer for group in chart["layer"] for layer in group["layer"]):
        is_words = layer["mark"]["type"] == "text"
        for row in chart["datasets"][layer["data"]["name"]]:
            for column, value in row.items():
                if not isinstance(value, float | int) or column in {*_LAYOUT, *placed}:
                    continue
                if is_words and str(row.get("text", "")).startswith("Turning point"):
                    continue
                near = min(known | {0.0}, key=lambda own: abs(own - value))
                assert near == pytest.approx(value, rel=1e-9, abs=1e-9), (column, row)


@pytest.mark.parametrize("name", PATIENTS)
def test_every_reading_is_in_the_chart(name: str) -> None:
    view = _golden(name)
    rows = _rows(_course(view))
    sums = {(row.get("week"), row.get("sum_of_diameters_mm")) for row in rows}
    for day, size in view.sums.drop_nulls("sum_of_diameters_mm").select("day", "sum_of_diameters_mm").rows():
        assert (round(day / 7.0, 9), size) in sums
    shown = {(row.get("week"), row.get("shown")) for row in rows}
    for day, value in view.markers.filter(pl.col("value") > 0).select("day", "value").rows():
        assert (round(day / 7.0, 9), value) in shown
    graded = {(row.get("week"), row.get("grade")) for row in rows}
    for day, grade in view.events.select("day", "grade").rows():
        assert (round(day / 7.0, 9), grade) in graded
    ticks = {row.get("week") for row in rows if "y2" in row}
    assert {round(day / 7.0, 9) for day in view.doses.filter(pl.col("action") == "given")["day"]} <= ticks
    if len(view.lesions) > 1:
        parts = {(row.get("week"), row.get("size_mm")) for row in rows}
        for own in (own for lesion in view.lesions for own in lesion.readings if own.size_mm is not None):
            assert (round(own.day / 7.0, 9), own.size_mm) in parts


@pytest.mark.parametrize("name", PATIENTS)
def test_bars_are_the_chances_of_the_states_one_on_another(name: str) -> None:
    view = _golden(name)
    bars = {
        (row["week"], row["state"]): (row["low"], row["high"])
        for row in _rows(_course(view))
        if "state" in row
    }
    for row in view.assessment.iter_rows(named=True):
        tops = list(accumulate(row[f"p_{state}"] for state in _STATES))
        for state, low, high in zip(_STATES, [0.0, *tops], tops, strict=False):
            assert bars[round(row["day"] / 7.0, 9), state] == pytest.approx((low, high))
    alerts = view.assessment.filter(pl.col("alert"))["day"]
    said = {own["week"]: own["text"] for own in _course(view)["usermeta"]["course"]["readings"]}
    assert {day / 7.0 for day in alerts} == {week for week, text in said.items() if "alert" in text}


@pytest.mark.parametrize(
    ("baseline_mm", "nadir_mm", "expected"),
    [(60.0, 30.0, {60.0, 42.0, 36.0}), (50.0, 20.0, {50.0, 35.0, 25.0})],  # +20 %; 5 mm where that is more
)
def test_lines_stand_where_recist_has_them(
    views: ModuleType, baseline_mm: float, nadir_mm: float, expected: set[float]
) -> None:
    gap = views.gap(nadir_mm, nadir_mm)
    view = replace(
        views.undetermined_view(),
        baseline_mm=baseline_mm,
        partial_response_line_mm=0.7 * baseline_mm,
        progression_line_mm=gap.progression_sum_mm,
    )
    drawn = {row["size"] for row in _rows(_course(view)) if "size" in row}
    assert sorted(drawn) == pytest.approx(sorted(expected))


def test_lanes_are_those_that_there_are_data_for(views: ModuleType) -> None:
    full = views.regrowing_view()
    states, sums, marker, doses, events = _titles(_course(full))
    assert (states, sums, doses, events) == (
        "State at each visit, %",
        "Sum of diameters, mm",
        "Treatment",
        "Adverse events",
    )
    assert marker.startswith("CEA")
    assert _titles(_course(replace(full, doses=full.doses.clear(), events=full.events.clear()))) == [
        states, sums, marker,
    ]  # fmt: skip
    assert _titles(_course(replace(full, sums=full.sums.clear(), lesions=()))) == [
        states,
        marker,
        doses,
        events,
    ]
    assert _titles(_course(replace(full, assessment=full.assessment.clear()))) == [
        sums,
        marker,
        doses,
        events,
    ]
    only_marker = _course(views.marker_only_view())
    assert [title.split(",")[0] for title in _titles(only_marker)] == ["State at each visit", "PSA"]
    lower = _course(replace(full, events=full.events.clear()))
    assert lower["height"] < _course(full)["height"]  # a lane that is missing leaves no hole


def test_nothing_is_drawn_of_a_patient_of_whom_nothing_was_read(views: ModuleType) -> None:
    view = views.undetermined_view()
    empty = replace(view, sums=view.sums.clear(), assessment=view.assessment.clear(), lesions=())
    assert "course" not in patient_specifications(empty, "clinician")
    assert "<svg" not in render_patient(empty, "clinician")


def test_a_look_back_keeps_the_weeks_of_now(views: ModuleType) -> None:
    now = views.regrowing_view()
    then = replace(
        now, sums=now.sums.head(2), markers=now.markers.head(2), doses=now.doses.head(2),
        assessment=now.assessment.head(2), fan=now.fan.clear(),
    )  # fmt: skip
    alone, kept = (_course_on_page(then, whole) for whole in (None, now))
    assert kept["usermeta"]["at_rest"] == _course(now)["usermeta"]["at_rest"]
    assert alone["usermeta"]["at_rest"] != kept["usermeta"]["at_rest"]
    assert kept["datasets"] != _course(now)["datasets"]  # what was read later is not there


def _course_on_page(view: PatientPicture, whole: PatientPicture | None) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def into(template: str, language: Language, **content: Any) -> str:
        found.update(content["course"].specification)
        return ""

    render_patient(view, "clinician", "en", into, whole)
    return found


def test_chart_speaks_one_language(views: ModuleType) -> None:
    view = views.regrowing_view()
    english, chinese = (json.dumps(_titles(_course(view, lang)), ensure_ascii=False) for lang in ("en", "zh"))
    assert "治疗" in chinese
    assert "Treatment" in english
    words = " ".join(own["text"] for own in _course(view, "zh")["usermeta"]["course"]["readings"])
    for english_word in ("responding", "plateau", "alert", "forecast", "grade", "Week"):
        assert english_word not in words


def test_terms_that_are_not_drawn_are_said(views: ModuleType) -> None:
    view = views.regrowing_view()
    many = pl.DataFrame(
        [(7 * index, None, f"term {index}", 1 + index % 3) for index in range(12)],
        schema={"day": pl.Int64, "end_day": pl.Int64, "term": pl.String, "grade": pl.Int64},
        orient="row",
    )
    page = render_patient(replace(view, events=many, harm=None), "clinician")
    assert "10 of 12 terms are drawn, those of the highest grades." in page
