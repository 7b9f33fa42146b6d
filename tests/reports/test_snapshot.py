from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import polars as pl
import pytest

from turnpoint.reports.snapshot import snapshot


@pytest.mark.parametrize("cause", ["resistant", "scar", "floor", "pause"])
def test_situation_names_the_cause_when_it_is_likely(views: ModuleType, cause: str) -> None:
    assert snapshot(views.plateau_view(cause)).situation == f"plateau_{cause}"


@pytest.mark.parametrize(("p_scar", "expected"), [(0.75, "plateau_scar"), (0.74, "plateau_unclear")])
def test_situation_is_unclear_when_no_cause_reaches_three_quarters(
    views: ModuleType, p_scar: float, expected: str
) -> None:
    view = views.plateau_view("unclear")
    rest = (1 - p_scar) / 3
    causes = {"p_scar": p_scar, "p_resistant": rest, "p_floor": rest, "p_pause": rest}
    assessment = view.assessment.with_columns(pl.lit(value).alias(name) for name, value in causes.items())
    assert snapshot(replace(view, assessment=assessment)).situation == expected


def test_situation_is_the_marker_background_when_there_is_no_scan_to_show_a_scar(views: ModuleType) -> None:
    rows = [views.assessment_row(270, (0.1, 0.8, 0.1), "plateau", p_cause=(0.1, 0.8, 0.05, 0.05))]
    view = replace(views.marker_only_view(), assessment=views.assessment_frame(rows))
    assert snapshot(view).situation == "plateau_background"


@pytest.mark.parametrize(
    ("alerts", "state", "first_day"),
    [
        ([False, False], "none", None),
        ([True, False], "earlier", 40.0),
        ([False, True], "now", 80.0),
        ([True, True], "now", 40.0),
    ],
)
def test_alert_is_now_earlier_or_never(
    views: ModuleType, alerts: list[bool], state: str, first_day: float | None
) -> None:
    rows = [
        views.assessment_row(day, (0.2, 0.3, 0.5), "regrowing", alert=alert)
        for day, alert in zip((40, 80), alerts, strict=True)
    ]
    snap = snapshot(replace(views.regrowing_view(), assessment=views.assessment_frame(rows)))
    assert (snap.alert, snap.first_alert_day) == (state, first_day)


def test_next_value_is_one_usual_interval_ahead(views: ModuleType) -> None:
    snap = snapshot(views.regrowing_view())
    # scans on days -3, 40, 82, 124, 166, 208: 42 days apart; CEA every 21 days
    assert [(value.quantity, value.weeks_ahead) for value in snap.next_values] == [
        ("sum_of_diameters_mm", 6.0),
        ("CEA", 3.0),
    ]


def test_next_value_does_not_count_weeks_before_the_start(views: ModuleType) -> None:
    # baseline on day -29, one scan on day 41: the rhythm since the start is 41 days, not 70
    snap = snapshot(views.undetermined_view())
    assert [value.weeks_ahead for value in snap.next_values] == [6.0]


def test_last_marker_carries_the_value_before_it(views: ModuleType) -> None:
    (cea,) = snapshot(views.regrowing_view()).last_markers
    assert (cea["value"], cea["before"], cea["day"]) == (24.6, 17.8, 208)


def test_progressed_is_the_last_response_only(views: ModuleType) -> None:
    view = views.regrowing_view()
    responses = ["PD", "PD", "PR", "PR", "PR", "SD"]
    changed = view.sums.with_columns(pl.Series("overall_response", responses))
    assert not snapshot(replace(view, sums=changed)).has_progressed
    changed = view.sums.with_columns(pl.Series("overall_response", [*responses[:5], "PD"]))
    assert snapshot(replace(view, sums=changed)).has_progressed
