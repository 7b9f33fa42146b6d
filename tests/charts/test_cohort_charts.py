from __future__ import annotations

import re

import polars as pl
import pytest

from turnpoint.charts import palette, spider, swimmer, waterfall
from turnpoint.charts.canvas import COHORT
from turnpoint.charts.language import Language
from turnpoint.charts.svg import svg

_LINES = (waterfall.PARTIAL_RESPONSE_PCT, waterfall.PROGRESSION_PCT)


def _changes(changes: list[float | None], responses: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {"best_change_pct": changes, "best_response": responses},
        schema={"best_change_pct": pl.Float64, "best_response": pl.String},
    )


def test_waterfall_sorts_from_growth_to_shrinkage_and_leaves_unknown_out() -> None:
    bars = waterfall.sorted_bars(
        _changes([-80.0, None, 25.0, float("nan"), -10.0], ["PR", "NE", "PD", "NE", "SD"]), COHORT
    )
    assert bars["best_change_pct"].to_list() == [25.0, -10.0, -80.0]
    assert bars["best_response"].to_list() == ["PD", "SD", "PR"]


@pytest.mark.parametrize(
    ("change", "height"), [(99.0, 99.0), (101.0, 100.0), (2000.0, 100.0), (-100.0, -100.0)]
)
def test_waterfall_cuts_growth_at_100_percent(change: float, height: float) -> None:
    assert waterfall.sorted_bars(_changes([change], ["PD"]), COHORT)["height"].item() == height


@pytest.mark.parametrize(("patients", "bars"), [(508, 508), (509, 508), (5000, 508)])
def test_waterfall_draws_no_more_bars_than_pixels(patients: int, bars: int) -> None:
    changes = _changes([float(index % 150 - 100) for index in range(patients)], ["SD"] * patients)
    assert COHORT.plot_width_px == 508
    assert waterfall.sorted_bars(changes, COHORT).height == bars


def test_waterfall_counts_every_patient_when_bars_are_left_out(english: Language) -> None:
    changes = _changes([-40.0] * 800 + [0.0] * 211, ["PR"] * 800 + ["SD"] * 211)
    drawn = svg(
        waterfall.waterfall(changes, _LINES, COHORT, english), figure_id="w", title="t", description="d"
    )
    assert ">800<" in drawn
    assert ">211<" in drawn


def test_waterfall_takes_an_unknown_response_as_not_evaluable() -> None:
    assert waterfall.sorted_bars(_changes([5.0], ["WEIRD"]), COHORT)["best_response"].item() == "NE"


def test_waterfall_describes_itself_in_numbers(english: Language) -> None:
    described = waterfall.describe(_changes([-80.0, 25.0, -10.0], ["PR", "PD", "SD"]), english)
    assert described == "3 patients; best change from −80% to +25%, median −10%."
    assert waterfall.describe(_changes([None], ["NE"]), english) == "No patient has a change from baseline."


def test_spider_draws_one_panel_a_response_and_one_line_a_patient(english: Language) -> None:
    changes = pl.DataFrame(
        {
            "patient_id": ["a", "a", "b", "b", "c", "c", "d"],
            "week": [0.0, 6.0, 0.0, 6.0, 0.0, 6.0, 0.0],
            "change_from_baseline_pct": [0.0, -40.0, 0.0, -50.0, 0.0, 30.0, 0.0],
            "best_response": ["PR", "PR", "PR", "PR", "PD", "PD", "NE"],
        }
    )
    drawn = svg(spider.spider(changes, COHORT, english), figure_id="s", title="t", description="d")
    assert len(re.findall(rf'stroke="{palette.RESPONSES["PR"]}"', drawn)) == 2
    assert len(re.findall(rf'stroke="{palette.RESPONSES["PD"]}"', drawn)) == 1
    assert "2 patients" in drawn
    assert ">NE<" not in drawn  # one value is no line


def test_spider_describes_who_ended_below_and_above(english: Language) -> None:
    changes = pl.DataFrame(
        {"patient_id": ["a", "a", "b"], "week": [0.0, 6.0, 6.0], "change": [0.0, -40.0, 10.0]}
    )
    described = spider.describe(changes, "change", english)
    assert described == "2 patients; at the last value 1 are below their start, 1 above it."


def test_has_lines_needs_two_values_of_one_patient() -> None:
    one_each = pl.DataFrame({"patient_id": ["a", "b"], "week": [0.0, 0.0], "change": [0.0, 0.0]})
    two = pl.DataFrame({"patient_id": ["a", "a"], "week": [0.0, 6.0], "change": [0.0, -5.0]})
    assert not spider.has_lines(one_each, "change")
    assert spider.has_lines(two, "change")


def _courses(patients: int) -> pl.DataFrame:
    days = list(range(7, 7 * patients + 7, 7))
    schema = dict.fromkeys(("first_response_day", "progression_day", "alert_day"), pl.Int64)
    return pl.DataFrame(
        {"patient_id": [str(day) for day in days], "last_day": days},
        schema={"patient_id": pl.String, "last_day": pl.Int64},
    ).with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items())


@pytest.mark.parametrize(("patients", "rows"), [(330, 330), (331, 166), (2000, 286)])
def test_swimmer_draws_every_kth_course_when_there_are_many(patients: int, rows: int) -> None:
    assert swimmer.shown_rows(_courses(patients)).height == rows


def test_swimmer_draws_longest_first() -> None:
    assert swimmer.shown_rows(_courses(3))["last_day"].to_list() == [21, 14, 7]


def test_swimmer_ends_in_an_arrow_only_without_progression(english: Language) -> None:
    courses = _courses(2).with_columns(pl.Series("progression_day", [7, None], dtype=pl.Int64))
    drawn = svg(swimmer.swimmer(courses, COHORT, english), figure_id="s", title="t", description="d")
    # the arrow is the only mark in this colour
    assert len(re.findall(rf'<path[^>]*fill="{palette.QUIET}"', drawn)) == 1


def test_swimmer_describes_itself_in_numbers(english: Language) -> None:
    courses = _courses(3).with_columns(pl.Series("alert_day", [7, None, None], dtype=pl.Int64))
    described = swimmer.describe(courses, english)
    assert described == "3 patients: 0 with a response, 0 with progression, 1 with an alert."
