from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import polars as pl
import pytest

from turnpoint.criteria.recist import NothingLeft
from turnpoint.pictures.snapshot import snapshot
from turnpoint.reports.catalogue import language
from turnpoint.reports.figures import simple_picture
from turnpoint.turning.evidence import Evidence


@pytest.mark.parametrize("cause", ["resistant", "scar", "floor", "pause"])
def test_situation_names_the_cause_when_it_is_likely(views: ModuleType, cause: str) -> None:
    assert snapshot(views.plateau_view(cause)).situation == f"plateau_{cause}"


def test_situation_says_so_when_something_read_has_changed_on_a_plateau(views: ModuleType) -> None:
    assert snapshot(views.plateau_changed_view()).situation == "plateau_changed"


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
    view = replace(views.marker_only_view(), assessment=views.assessment_frame(rows), evidence=())
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


@pytest.mark.parametrize(
    ("kind", "progressed"),
    [
        ("new_lesion", "progressed_new_lesion"),
        ("target", "progressed_growth"),
        ("non_target", "progressed_growth"),
        ("marker", "progressed_marker"),
    ],
)
def test_headline_is_the_progression_once_it_is_called(views: ModuleType, kind: str, progressed: str) -> None:
    snap = snapshot(views.called_view(kind))
    assert (snap.headline, snap.situation) == (progressed, "responding")


def test_situation_is_pause_when_no_drug_is_on_whatever_the_cause_is_said_to_be(views: ModuleType) -> None:
    off = Evidence("off_treatment", {"since_week": 20.0}, {"drug": "docetaxel"})
    view = views.plateau_view("resistant")
    assert snapshot(replace(view, evidence=(*view.evidence, off))).situation == "plateau_pause"


def test_situation_names_no_cause_when_it_is_the_priors(views: ModuleType) -> None:
    assert snapshot(views.sizes_only_view()).situation == "plateau_sizes_only"


def test_complete_response_with_a_raised_marker_is_not_nothing_left(views: ModuleType) -> None:
    view = views.nothing_left_view()
    assert snapshot(view).situation == "nothing_left"
    raised = replace(view, nothing_left=NothingLeft(84, (), ("CEA",), ()))
    assert snapshot(raised).situation == "plateau_floor"


def test_lesions_that_part_ways_are_no_scar(views: ModuleType) -> None:
    parted = views.mixed_view().parted
    assert snapshot(replace(views.plateau_view("scar"), parted=parted)).situation == "mixed"


@pytest.mark.parametrize(("chance", "expected"), [(0.049, None), (0.05, 0.05)])
def test_chance_of_never_turning_counts_from_one_in_twenty(
    views: ModuleType, chance: float, expected: float | None
) -> None:
    view = views.responding_view()
    diagnostics = view.diagnostics.with_columns(p_never_turns=pl.lit(chance))
    assert snapshot(replace(view, diagnostics=diagnostics)).p_never == expected


def test_regrowth_that_has_not_been_read_lies_after_the_last_visit(views: ModuleType) -> None:
    # days 81, 128, 181 and 80 later: 161, 208, 261; the last visit is on day 208
    view = replace(views.regrowing_view(), week_regrowth_read=None)
    snap = snapshot(view)
    assert snap.date("regrowth_day").q05 == pytest.approx(208 / 7)
    assert not snap.regrowth_is_ahead
    assert snapshot(views.responding_view()).regrowth_is_ahead


def test_picture_shows_the_marker_that_alone_has_risen(views: ModuleType) -> None:
    english = language("en")
    view = views.regrowing_view()
    picture = simple_picture(view, snapshot(view), english)
    assert picture is not None
    assert picture.heading == "Size on the scans, in mm"
    only_marker = replace(view, evidence=view.evidence[:1])
    picture = simple_picture(only_marker, snapshot(only_marker), english)
    assert picture is not None
    assert picture.heading == "Blood value CEA, in ng/mL"


def test_picture_names_no_area_that_cannot_be_seen(views: ModuleType) -> None:
    view = views.marker_only_view()
    narrow = replace(view, fan=view.fan.with_columns(q05=pl.col("q50"), q95=pl.col("q50")))
    for own, is_named in ((view, True), (narrow, False)):
        picture = simple_picture(own, snapshot(own), language("en"))
        assert picture is not None
        assert ("blue area" in picture.caption) is is_named
