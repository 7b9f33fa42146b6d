"""The chart of a course as a drawing: at rest as on paper, zoomed and pointed at as in a browser."""

from __future__ import annotations

import copy
import re
from typing import Any

import polars as pl
import pytest

from turnpoint.charts import palette
from turnpoint.charts.course import course
from turnpoint.charts.lane import Lane
from turnpoint.charts.language import Language
from turnpoint.charts.marker import marker_lane
from turnpoint.charts.specification import at_rest
from turnpoint.charts.sum_of_diameters import RecistLines, sum_lane
from turnpoint.charts.svg import svg
from turnpoint.charts.treatment import doses_lane, events_lane
from turnpoint.charts.week_axis import Panel
from turnpoint.pictures.dates import DateInterval
from turnpoint.turning.lesion_courses import LesionCourse, LesionReading

_FAN = {
    "day": pl.Float64,
    "kind": pl.String,
    **{f"q{level}": pl.Float64 for level in ("05", "25", "50", "75", "95")},
}
_TURNING = DateInterval(10.0, 18.0, 26.0, 30.0)
_SUMS = pl.DataFrame(
    {
        "day": [0, 70, 140, 210],
        "sum_of_diameters_mm": [50.0, 40.0, 30.0, 36.0],
        "censored": [False] * 4,
        "reading_sd_mm": [1.5] * 4,
        "overall_response": ["SD", "SD", "PR", "PD"],
        "new_lesion": [False] * 4,
    }
)
_AHEAD = pl.DataFrame(
    [(210.0, "fitted", 34.0, 35.0, 36.0, 37.0, 38.0), (280.0, "forecast", 30.0, 36.0, 40.0, 46.0, 60.0)],
    schema=_FAN,
    orient="row",
)


def _lesion(name: str, sizes: list[float], role: str = "target") -> tuple[str, LesionCourse]:
    readings = tuple(LesionReading(70 * index, "measured", size) for index, size in enumerate(sizes))
    return name, LesionCourse(
        name,
        None,
        role,
        readings=readings,
        node=False,
        trend="fell",
        from_baseline_pct=None,
        from_smallest_pct=None,
    )


def _lanes(language: Language) -> list[Lane]:
    marker = pl.DataFrame(
        {"day": [0, 70, 210], "value": [100.0, 2.0, 20.0], "censoring": ["none", "left", "none"],
         "upper_limit": [4.0] * 3, "unit": ["ng/mL"] * 3}
    )  # fmt: skip
    doses = pl.DataFrame(
        {"day": [0, 21, 42, 105, 126], "drug": ["docetaxel"] * 5, "dose": [75.0, 75.0, 75.0, 60.0, 60.0],
         "unit": ["mg/m2"] * 5, "action": ["given"] * 5}
    )  # fmt: skip
    events = pl.DataFrame(
        {"day": [20, 60], "end_day": [34, None], "term": ["Neutropenia", "Nausea"], "grade": [3, 2]}
    )
    lesions = [_lesion("T1", [30.0, 24.0, 18.0, 16.0]), _lesion("T2", [20.0, 16.0, 12.0, 20.0])]
    lines = RecistLines(35.0, 36.0, 50.0)
    return [
        sum_lane(_SUMS, lesions, _AHEAD, lines, language),
        marker_lane("CEA", marker, _AHEAD.clear(), language),
        doses_lane(doses, 210.0, language),
        events_lane(events, language),
    ]


@pytest.fixture(scope="module")
def chart(panel: Panel) -> dict[str, Any]:
    return course(_lanes(panel.language), _TURNING, panel, has_forecast=True)


def _drawn(chart: dict[str, Any]) -> str:
    return svg(chart, figure_id="f", title="t", description="d")


def _as_in_a_browser(chart: dict[str, Any], **parameters: float | None) -> str:
    """Drawn with its parameters, set as given."""
    live = copy.deepcopy(chart)
    del live["usermeta"]["at_rest"]
    for own in live["params"]:
        if own["name"] in parameters:
            own["value"] = parameters[own["name"]]
    return _drawn(live)


def _unclipped(drawn: str) -> str:
    """Without the names of its clip paths, which count what is not seen as well, and the groups that hold them."""
    return re.sub(r"</?g[^>]*>|<defs>.*?</defs>", "", drawn)


def _parts(value: Any, name: str) -> list[Any]:
    found = []
    if isinstance(value, dict):
        found += [value[name]] if name in value else []
        value = list(value.values())
    if isinstance(value, list):
        found += [part for own in value for part in _parts(own, name)]
    return found


def test_on_paper_it_is_what_a_browser_shows_before_anybody_points(chart: dict[str, Any]) -> None:
    assert _unclipped(_drawn(chart)) == _unclipped(_as_in_a_browser(chart))


def test_paper_knows_nothing_of_pointing_and_zooming(chart: dict[str, Any]) -> None:
    still = at_rest(chart)
    assert "params" not in still
    assert _parts({name: part for name, part in still.items() if name != "usermeta"}, "expr") == []
    assert len(still["datasets"]) < len(chart["datasets"])  # what is only pointed at is left out


def test_all_lanes_share_the_weeks(chart: dict[str, Any]) -> None:
    across = [x for x in _parts(chart["layer"], "x") if "scale" in x]
    assert len(across) > 10
    assert {str(x["scale"]["domain"]) for x in across} == {
        "[{'expr': 'first_shown_week'}, {'expr': 'last_shown_week'}]"
    }
    assert {
        str(own["scale"]["domain"]) for own in _parts(at_rest(chart)["layer"], "x") if "scale" in own
    } == {"[0.0, 50.0]"}


def test_zoomed_to_some_weeks_it_shows_those(chart: dict[str, Any]) -> None:
    drawn = _as_in_a_browser(chart, first_shown_week=8.0, last_shown_week=24.0)
    dots = re.findall(rf'translate\(([\d.-]+),[\d.]+\)"[^>]*fill="{palette.INK}"', drawn)
    assert {float(x) for x in dots} >= {430 * (10 - 8) / 16, 430 * (20 - 8) / 16}
    labels = re.findall(r"<text[^>]*>(\d+)</text>", drawn)
    assert {"8", "12", "16", "20", "24"} <= set(labels)
    assert "week 0" not in drawn


def test_pointed_at_it_reads_what_was_measured(chart: dict[str, Any]) -> None:
    at_rest_texts = set(re.findall(r">([^<]+)</t", _drawn(chart)))
    texts = set(re.findall(r">([^<]+)</t", _as_in_a_browser(chart, pointed_week=10.0)))
    assert texts - at_rest_texts == {"40 mm SD", "&lt;2 ng/mL", "week 10", "24", "16"} - at_rest_texts
    ahead = set(re.findall(r">([^<]+)</t", _as_in_a_browser(chart, pointed_week=40.0)))
    assert "forecast 40 mm (30 to 60)" in ahead


def test_readings_are_said_in_order_with_every_lane(chart: dict[str, Any]) -> None:
    said = chart["usermeta"]["course"]["readings"]
    assert [own["week"] for own in said] == sorted(
        {0.0, 3.0, 6.0, 15.0, 18.0, 20 / 7, 60 / 7, 10.0, 20.0, 30.0, 40.0}
    )
    first = said[0]["text"]
    assert first == (
        "Week 0. Sum of diameters, mm: 50 mm SD (T1 30, T2 20); CEA, ng/mL: 100 ng/mL; Treatment: docetaxel 75 mg/m2."
    )


def test_turning_point_runs_through_all_lanes(chart: dict[str, Any]) -> None:
    found = re.search(
        rf'd="M[\d.]+,([\d.]+)[^"]*v([\d.]+)[^"]*" fill="{palette.TURNING_TINT}"', _drawn(chart)
    )
    assert found is not None
    top, tall = float(found[1]), float(found[2])
    assert top == pytest.approx(50.0, abs=0.02)
    assert top + tall == pytest.approx(chart["height"], abs=1)


def test_no_turning_point_is_named_where_it_is_not_worth_a_word(panel: Panel) -> None:
    drawn = _drawn(course(_lanes(panel.language), None, panel, has_forecast=True))
    assert "Turning point" not in drawn
    assert palette.TURNING_TINT not in drawn


@pytest.mark.parametrize(
    ("size_mm", "colour"),
    [(35.0, palette.RESPONSES["CR"]), (36.0, palette.RESPONSES["PD"]), (50.0, palette.QUIET)],
)
def test_recist_lines_are_drawn_at_their_size(chart: dict[str, Any], size_mm: float, colour: str) -> None:
    top_mm = 1.04 * 60.0  # the forecast ends there, less than 1.3 x all else
    y_px = 50.0 + 30.0 + 24.0 + 270.0 * (1 - size_mm / top_mm)  # head, title, responses; the plot
    rules = re.findall(r'translate\(430,([\d.]+)\)" x2="-430" y2="0" stroke="(#\w+)"', _drawn(chart))
    assert any(abs(float(y) - y_px) < 0.02 and own == colour for y, own in rules), (y_px, rules)


def test_a_reduced_dose_is_shorter_and_says_its_share(chart: dict[str, Any]) -> None:
    drawn = _drawn(chart)
    assert drawn.count(">docetaxel: 80% from week 15<") == 2  # the edge, and the text on it
    lengths = re.findall(r'y2="-([\d.]+)" stroke="#1b1f23" stroke-width="2"', drawn)
    assert {round(float(length), 6) for length in lengths} == {20.0, 16.0}


def test_a_value_below_the_limit_is_written_as_the_laboratory_does(chart: dict[str, Any]) -> None:
    assert _drawn(chart).count(">&lt;2<") == 2


def test_lesions_are_named_at_their_ends_and_a_lone_one_is_the_sum(panel: Panel) -> None:
    lines = RecistLines(35.0, 36.0)
    one = sum_lane(_SUMS, [_lesion("T1", [50.0, 40.0, 30.0, 36.0])], _AHEAD, lines, panel.language)
    two = sum_lane(
        _SUMS, [_lesion("T1", [30.0, 24.0]), _lesion("N1", [11.0], "new")], _AHEAD, lines, panel.language
    )
    alone, both = (_drawn(course([lane], None, panel, has_forecast=True)) for lane in (one, two))
    assert ">T1<" not in alone
    assert both.count(">T1<") == both.count(">N1<") == 2
    assert 'stroke-dasharray="4,3"' in both or both.count(palette.RESPONSES["PD"]) > alone.count(
        palette.RESPONSES["PD"]
    )


def test_text_that_has_no_room_beside_a_title_is_cut(panel: Panel) -> None:
    many = pl.DataFrame(
        {"day": [0] * 6, "drug": [f"a drug with a long name {index}" for index in range(6)], "dose": [1.0] * 6,
         "unit": ["mg"] * 6, "action": ["given"] * 6}
    )  # fmt: skip
    chart = course([doses_lane(many, 0.0, panel.language)], None, panel, has_forecast=False)
    drawn = _as_in_a_browser(chart, pointed_week=0.0)
    assert re.search(r">a drug with a long name 0 1 mg[^<]*…<", drawn)
    assert "long name 5 1 mg." in chart["usermeta"]["course"]["readings"][0]["text"]
