from __future__ import annotations

import re

import polars as pl
import pytest

from turnpoint.charts import marker, palette, states, treatment
from turnpoint.charts.course import course
from turnpoint.charts.lane import Lane
from turnpoint.charts.language import Language
from turnpoint.charts.patient_picture import patient_picture
from turnpoint.charts.specification import Specification
from turnpoint.charts.sum_of_diameters import RecistLines, describe, sum_lane, y_top
from turnpoint.charts.svg import svg
from turnpoint.charts.week_axis import Panel
from turnpoint.pictures.dates import DateInterval
from turnpoint.turning.lesion_courses import LesionCourse

_FAN = {
    "day": pl.Float64,
    "kind": pl.String,
    **{f"q{level}": pl.Float64 for level in ("05", "25", "50", "75", "95")},
}
_NO_FAN = pl.DataFrame(schema=_FAN)
_NO_DATE = DateInterval(None, None, None, 30.0)
_LINES = RecistLines(35.0, 36.0)
_SUM_TOP_PX, _SUM_PX = 50.0 + 30.0 + 24.0, 270.0  # head, title, row of responses; the plot of the first lane
_STATES_TOP_PX, _STATES_PX = 50.0 + 30.0 + 20.0, 84.0


def _drawn(chart: Specification) -> str:
    return svg(chart, figure_id="f", title="t", description="d")


def _alone(lane: Lane, panel: Panel, turning: DateInterval | None = None) -> str:
    """A course of one lane."""
    return _drawn(course([lane], turning, panel, has_forecast=True))


def _sum_alone(
    sums: pl.DataFrame,
    fan: pl.DataFrame,
    lines: RecistLines,
    panel: Panel,
    turning: DateInterval | None = _NO_DATE,
    lesions: tuple[tuple[str, LesionCourse], ...] = (),
) -> str:
    return _alone(sum_lane(sums, lesions, fan, lines, panel.language), panel, turning)


def _sums(days: list[int], sizes: list[float | None], **columns: list[object]) -> pl.DataFrame:
    empty = [None] * len(days)
    return pl.DataFrame(
        {
            "day": days,
            "sum_of_diameters_mm": sizes,
            "censored": columns.get("censored", [False] * len(days)),
            "reading_sd_mm": columns.get("reading_sd_mm", [1.5] * len(days)),
            "overall_response": columns.get("overall_response", empty),
            "new_lesion": columns.get("new_lesion", [False] * len(days)),
        },
        schema={
            "day": pl.Int64,
            "sum_of_diameters_mm": pl.Float64,
            "censored": pl.Boolean,
            "reading_sd_mm": pl.Float64,
            "overall_response": pl.String,
            "new_lesion": pl.Boolean,
        },
    )


def _points(drawn: str, fill: str) -> int:
    return len(re.findall(rf'<path transform="translate\([^"]*"[^>]*fill="{fill}"', drawn))


def test_sum_chart_puts_a_reading_at_its_height(panel: Panel) -> None:
    sums = _sums([70], [50.0], reading_sd_mm=[None])
    drawn = _sum_alone(sums, _NO_FAN, RecistLines(None, None), panel)
    # week 10 of 0-50 on 430 px; without error the axis ends at 1.04 x 50, so 50 mm is 1 / 1.04 of the way up
    x, y = 430 * 10 / 50, _SUM_TOP_PX + _SUM_PX * (1 - 1 / 1.04)
    found = re.search(rf'transform="translate\(([\d.]+),([\d.]+)\)"[^>]*fill="{palette.INK}"', drawn)
    assert found is not None
    assert float(found.group(1)) == pytest.approx(x, abs=0.02)
    assert float(found.group(2)) == pytest.approx(y, abs=0.02)


def test_sum_chart_draws_the_error_of_each_reading(panel: Panel) -> None:
    sums = _sums([70], [50.0], reading_sd_mm=[2.0])
    drawn = _sum_alone(sums, _NO_FAN, RecistLines(None, None), panel)
    # the axis ends at 1.04 x (50 + 1.645 x 2); the bar is 2 x 1.645 x 2 mm tall
    tall = _SUM_PX * 2 * 1.645 * 2 / (1.04 * (50 + 1.645 * 2))
    heights = [abs(float(found)) for found in re.findall(r'y2="(-?[\d.]+)"', drawn)]
    assert any(height == pytest.approx(tall, abs=0.02) for height in heights)


def test_sum_chart_draws_censored_sums_as_open_marks(panel: Panel) -> None:
    sums = _sums([0, 70, 140], [30.0, 10.0, 5.0], censored=[False, True, True])
    drawn = _sum_alone(sums, _NO_FAN, _LINES, panel)
    assert _points(drawn, palette.INK) == 1
    assert _points(drawn, palette.PAPER) == 2


def test_sum_chart_names_recist_lines_and_responses(panel: Panel) -> None:
    sums = _sums([0, 70, 140], [50.0, 30.0, 37.0], overall_response=[None, "PR", "PD"])
    drawn = _sum_alone(sums, _NO_FAN, _LINES, panel)
    for text in ("≥ 36 mm", "≤ 35 mm", ">PR<", ">PD<", "Turning point: not yet determined"):
        assert text in drawn


def test_sum_chart_marks_a_new_lesion_only_when_there_is_one(panel: Panel) -> None:
    without = _sum_alone(_sums([0, 70], [50.0, 30.0]), _NO_FAN, _LINES, panel)
    new = _sums([0, 70], [50.0, 30.0], new_lesion=[False, True])
    assert "new lesion" not in without
    assert "new lesion" in _sum_alone(new, _NO_FAN, _LINES, panel)


@pytest.mark.parametrize(
    ("interval", "bands"),
    [
        (DateInterval(10.0, 18.0, 26.0, 30.0), 1),  # past
        (DateInterval(34.0, 40.0, 60.0, 30.0), 1),  # runs out of the axis
        (DateInterval(60.0, 80.0, 100.0, 30.0), 0),  # beyond it
        (DateInterval(0.0, 20.0, 400.0, 30.0), 0),  # says nothing
    ],
)
def test_sum_chart_shades_the_turning_point_only_when_it_is_known_and_in_view(
    panel: Panel, interval: DateInterval, bands: int
) -> None:
    drawn = _sum_alone(_sums([0, 210], [50.0, 30.0]), _NO_FAN, _LINES, panel, interval)
    assert drawn.count(f'fill="{palette.TURNING_TINT}"') == bands


def test_sum_chart_fan_is_one_piece_when_the_forecast_starts_later(panel: Panel) -> None:
    rows = [
        (210.0, "fitted", 28.0, 29.0, 30.0, 31.0, 32.0),
        (252.0, "forecast", 26.0, 29.0, 31.0, 33.0, 36.0),
    ]
    fan = pl.DataFrame(rows, schema=_FAN, orient="row")
    drawn = _sum_alone(_sums([0, 210], [50.0, 30.0]), fan, _LINES, panel)
    # the blue areas begin at week 30, where the fitted part ends
    areas = re.findall(rf'<path d="M([\d.]+),[^"]*" fill="{palette.FORECAST}"', drawn)
    assert [float(start) for start in areas] == [pytest.approx(430 * 30 / 50, abs=0.02)] * 2


@pytest.mark.parametrize(("widest", "expected"), [(60.0, 1.04 * 60.0), (400.0, 1.04 * 1.3 * 50.0)])
def test_y_top_lets_a_wide_fan_run_out_but_never_a_reading(widest: float, expected: float) -> None:
    seen = pl.DataFrame({"high": [50.0]})
    assert y_top(seen, pl.DataFrame({"q95": [widest]}), RecistLines(35.0, 40.0)) == pytest.approx(expected)


def test_y_top_is_positive_when_everything_is_zero() -> None:
    assert y_top(pl.DataFrame({"high": [0.0]}), _NO_FAN, RecistLines(0.0, None)) > 0


def test_description_holds_every_sum_and_line(english: Language) -> None:
    sums = _sums([-7, 70], [49.0, 32.2], overall_response=[None, "PR"])
    assert describe(sums, _LINES, english) == (
        "Week −1: 49 mm. Week 10: 32.2 mm (PR). Partial response at 35 mm or less. Progression at 36 mm or more."
    )


def test_description_names_first_smallest_and_last_when_the_course_is_long(english: Language) -> None:
    sums = _sums(list(range(0, 7 * 50, 7)), [60.0 - (min(25, index)) for index in range(50)])
    described = describe(sums, RecistLines(None, None), english)
    assert described == "First, smallest and last of 50 sums. Week 0: 60 mm. Week 25: 35 mm. Week 49: 35 mm."


def _marker(values: list[float], censoring: list[str], limit: float | None = 4.0) -> pl.DataFrame:
    return pl.DataFrame(
        {"day": [70 * index for index in range(len(values))], "value": values, "censoring": censoring,
         "upper_limit": [limit] * len(values), "unit": ["ng/mL"] * len(values)},
        schema={"day": pl.Int64, "value": pl.Float64, "censoring": pl.String, "upper_limit": pl.Float64,
                "unit": pl.String},
    )  # fmt: skip


def test_marker_chart_is_logarithmic(panel: Panel) -> None:
    drawn = _alone(
        marker.marker_lane("PSA", _marker([1.0, 10.0, 100.0], ["none"] * 3, None), _NO_FAN, panel.language),
        panel,
    )
    heights = [
        float(y)
        for y in re.findall(rf'transform="translate\([\d.]+,([\d.]+)\)"[^>]*fill="{palette.INK}"', drawn)
    ]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.05)


def test_marker_chart_draws_censored_and_zero_values_as_open_triangles(panel: Panel) -> None:
    values = _marker([10.0, 0.1, 5000.0, 0.0], ["none", "left", "right", "none"])
    drawn = _alone(marker.marker_lane("PSA", values, _NO_FAN, panel.language), panel)
    assert _points(drawn, palette.INK) == 1
    assert _points(drawn, palette.PAPER) == 3


@pytest.mark.parametrize(("limit", "shown"), [(4.0, True), (None, False), (0.0, False)])
def test_marker_chart_draws_the_upper_limit_when_it_is_known_and_positive(
    panel: Panel,
    limit: float | None,
    shown: bool,
) -> None:
    drawn = _alone(
        marker.marker_lane("PSA", _marker([1.0, 10.0], ["none"] * 2, limit), _NO_FAN, panel.language), panel
    )
    assert ("upper limit" in drawn) is shown


def test_marker_description_writes_censored_values_as_the_laboratory_does(english: Language) -> None:
    described = marker.describe(_marker([10.0, 0.1], ["none", "left"]), "ng/mL", english)
    assert described == "Week 0: 10 ng/mL. Week 10: <0.1 ng/mL. Upper limit of the reference range 4 ng/mL."


def _assessment(rows: list[tuple[int, float, float, float, str, bool]]) -> pl.DataFrame:
    columns = ("day", "p_responding", "p_plateau", "p_regrowing", "verdict", "alert")
    return pl.DataFrame(rows, schema=columns, orient="row")


def test_state_chart_flags_alerts_and_undetermined_visits(panel: Panel) -> None:
    rows = _assessment(
        [(0, 0.5, 0.3, 0.2, "undetermined", False), (70, 0.7, 0.2, 0.1, "responding", False),
         (140, 0.1, 0.1, 0.8, "regrowing", True)]
    )  # fmt: skip
    drawn = _alone(states.states_lane(rows, panel.language), panel)
    # each word is drawn twice: once as its white edge
    assert drawn.count(">?<") == 2
    assert drawn.count(">alert<") == 2
    assert drawn.count(">regrowing<") == 2


def test_state_bars_are_as_high_as_their_probabilities(panel: Panel) -> None:
    rows = _assessment([(70, 0.7, 0.2, 0.1, "responding", False)])
    drawn = _alone(states.states_lane(rows, panel.language), panel)
    heights = {}
    for state, colour in palette.STATES.items():
        found = re.search(rf'<path d="M[^h]+h[\d.]+v([\d.]+)[^"]*" fill="{colour}" stroke=', drawn)
        assert found is not None
        heights[state] = float(found.group(1))
    assert heights == {
        "responding": pytest.approx(_STATES_PX * 0.7, abs=0.02),
        "plateau": pytest.approx(_STATES_PX * 0.2, abs=0.02),
        "regrowing": pytest.approx(_STATES_PX * 0.1, abs=0.02),
    }


def test_pauses_are_the_gaps_that_the_model_counts() -> None:
    given = pl.DataFrame(
        [(day, "docetaxel", 75.0, "mg/m2", "given") for day in (0, 21, 42, 105, 126)],
        schema={
            "day": pl.Int64,
            "drug": pl.String,
            "dose": pl.Float64,
            "unit": pl.String,
            "action": pl.String,
        },
        orient="row",
    )
    # three-weekly: covered for one and a half cycles, to day 73.5, and again from day 105 to 157.5
    assert treatment.pauses(given, 160.0) == [(73.5, 105.0), (157.5, 160.0)]
    assert treatment.pauses(given, 63.0) == []
    assert treatment.pauses(given, None) == []


def test_worst_terms_keeps_ten_of_the_highest_grades_in_time_order() -> None:
    rows = [(index, None, f"term {index}", 1 if index < 2 else 3) for index in range(12)]
    adverse = pl.DataFrame(
        rows,
        schema={"day": pl.Int64, "end_day": pl.Int64, "term": pl.String, "grade": pl.Int64},
        orient="row",
    )
    assert treatment.worst_terms(adverse) == [f"term {index}" for index in range(2, 12)]


def test_patient_picture_shows_first_and_last_value_in_numbers(panel: Panel) -> None:
    values = pl.DataFrame({"day": [0, 70, 210], "value": [49.0, 32.2, 38.4]})
    drawn = _drawn(patient_picture(values, _NO_FAN, panel))
    assert ">49<" in drawn
    assert ">38.4<" in drawn
    assert ">32.2<" not in drawn
