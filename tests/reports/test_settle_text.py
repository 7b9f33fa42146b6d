"""What would settle it, in words; and the history of alerts."""

from dataclasses import replace

import polars as pl
import pytest

from tests.reports import views_for_tests as views
from turnpoint.pictures.snapshot import snapshot
from turnpoint.reports.catalogue import language
from turnpoint.reports.settle_text import plan_name, settle_questions, settle_table, what_would_help
from turnpoint.reports.verdict_text import clinician_alert

EN = language("en")


@pytest.mark.parametrize(
    ("plan", "quantity", "scans", "assumed", "expected"),
    [
        ("scan in 6 weeks", "sum_of_diameters_mm", 1, False, "a scan in 6 weeks"),
        ("scan every 6 weeks", "sum_of_diameters_mm", 2, False, "a scan every 6 weeks"),
        ("CEA every 3 weeks", "CEA", 0, False, "CEA every 3 weeks"),
        (
            "scan in 6 weeks and CEA every 3 weeks",
            "sum_of_diameters_mm, CEA",
            1,
            False,
            "a scan in 6 weeks, and CEA every 3 weeks",
        ),
        (
            "ctDNA now and every 2 weeks",
            "ctDNA",
            0,
            True,
            "ctDNA now and every 2 weeks (assumed as read elsewhere)",
        ),
    ],
)
def test_plan_is_named_in_the_words_of_the_reader(plan, quantity, scans, assumed, expected):
    row = {"plan": plan, "quantity": quantity, "scans": scans, "is_assumed": assumed}
    assert plan_name(row, EN) == expected
    assert not any(word in plan_name(row, language("zh")) for word in ("scan", "every", "weeks"))


@pytest.mark.parametrize(("bits", "rows"), [(0.05, 3), (0.0499, 0)])
def test_table_of_plans_leaves_out_what_is_not_expected_to_tell_much(bits, rows):
    view = views.regrowing_view()
    view = replace(view, settle=view.settle.with_columns(expected_information_bits=pl.lit(bits)))
    found = settle_table(view, EN)
    assert (0 if found is None else len(found.rows)) == rows
    nothing = "No measurement of the next twelve weeks"
    assert any(nothing in said for said in what_would_help(view, snapshot(view), EN)) == (rows == 0)


def test_patient_is_asked_about_tests_that_were_read_before_only_while_the_answer_is_open():
    view = views.regrowing_view()
    open_now = replace(
        view,
        assessment=view.assessment.with_columns(alert=pl.lit(value=False), verdict=pl.lit("undetermined")),
    )
    asked = settle_questions(open_now, snapshot(open_now), EN)
    assert asked[0] == "Would this help to tell sooner: a scan every 6 weeks?"
    assert not any("ctDNA" in question for question in asked)
    clear = replace(
        view, assessment=view.assessment.with_columns(alert=pl.lit(value=False), verdict=pl.lit("responding"))
    )
    assert settle_questions(clear, snapshot(clear), EN) == []


def test_alert_that_was_withdrawn_is_told_with_both_weeks():
    view = views.regrowing_view()
    rows = view.assessment.height
    history = [False, False, True, True, False, False][:rows] + [False] * (rows - 6)
    view = replace(view, assessment=view.assessment.sort("day").with_columns(pl.Series("alert", history)))
    days = view.assessment["day"].to_list()
    snap = snapshot(view)
    assert snap.alert == "earlier"
    assert snap.alert_days == ((float(days[2]), float(days[4])),)
    said = clinician_alert(snap, EN)
    assert said.startswith("No alert at the last visit. An alert raised in week 12 was withdrawn in week 24")


@pytest.mark.parametrize(("p_now", "is_shown"), [(0.1, False), (0.1001, True), (0.8999, True), (0.9, False)])
def test_question_that_is_settled_has_no_plans(p_now, is_shown):
    view = views.regrowing_view()
    view = replace(view, settle=view.settle.with_columns(p_now=pl.lit(p_now)))
    assert (settle_table(view, EN) is not None) == is_shown
    nothing = "No measurement of the next twelve weeks"
    assert any(nothing in said for said in what_would_help(view, snapshot(view), EN)) != is_shown
