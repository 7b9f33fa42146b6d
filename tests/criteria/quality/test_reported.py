"""Derived responses beside reported ones: matching of visits, meanings of labels, and the reasons with their numbers."""

import polars as pl
import pytest
from hypothesis import given, settings

from tests.criteria.recist.test_reference import studies
from tests.criteria.tables import table
from turnpoint.criteria.quality.reported import compare, flag_of, label_of
from turnpoint.criteria.recist.best_response import best_responses
from turnpoint.criteria.recist.visit_response import responses

SCHEMA = {
    "patient_id": pl.String,
    "reader": pl.String,
    "day": pl.Int64,
    "visit": pl.String,
    "item": pl.String,
    "reported": pl.String,
}


def lesions(*rows, reader=None):
    """Rows of `day, lesion, role, diameter or status`; `node` false."""
    return pl.DataFrame(
        [
            (
                "P1",
                day,
                lesion,
                role,
                False,
                what if isinstance(what, int | float) else None,
                "measured" if isinstance(what, int | float) else what,
                reader,
            )
            for day, lesion, role, what in rows
        ],
        schema={
            "patient_id": pl.String,
            "day": pl.Int64,
            "lesion_id": pl.String,
            "role": pl.String,
            "node": pl.Boolean,
            "diameter_mm": pl.Float64,
            "status": pl.String,
            "reader": pl.String,
        },
        orient="row",
    )


def told(*rows, reader=None, item="overall_response"):
    """Rows of `day, reported`."""
    return pl.DataFrame(
        [("P1", reader, day, None, item, text) for day, text in rows], schema=SCHEMA, orient="row"
    )


def differences(course, reported, **options):
    visits = responses(course)
    return compare(visits, best_responses(visits), course, reported, **options)[0]


def agreement(course, reported):
    visits = responses(course)
    return compare(visits, best_responses(visits), course, reported)[1].row(0)


# 100 -> 65 (PR at or below 70), 65 -> 78.5 (PD from 1.2 x 65 = 78).
COURSE = lesions((0, "T1", "target", 100), (42, "T1", "target", 65), (84, "T1", "target", 78.5))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Complete Response", "CR"),
        (" pr ", "PR"),
        ("Stable disease", "SD"),
        ("Progressive Disease", "PD"),
        ("INEVALUABLE", "NE"),
        ("Not Evaluable", "NE"),
        ("NON-CR/NON-PD", "NON-CR/NON-PD"),
        ("Non-CR/Non-PD", "NON-CR/NON-PD"),
        ("NONCR/NONPD", "NON-CR/NON-PD"),
        ("Non Complete Response/Non Progressive Disease", "NON-CR/NON-PD"),
        ("ICPD", "iCPD"),
        ("NOT APPLICABLE", None),
        ("better", "better"),
    ],
)
def test_label_is_read_by_its_meaning(text, label):
    assert pl.DataFrame({"text": [text]}).select(label_of(pl.col("text"))).item() == label


@pytest.mark.parametrize(
    ("text", "flag"),
    [("Y", "yes"), ("true", "yes"), ("UNEQUIVOCAL", "yes"), ("N", "no"), ("EQUIVOCAL", "no"), ("?", None)],
)
def test_new_lesion_is_read_as_yes_or_no(text, flag):
    assert pl.DataFrame({"text": [text]}).select(flag_of(pl.col("text"))).item() == flag


def test_there_is_no_difference_when_every_label_means_the_same():
    assert agreement(COURSE, told((42, "Partial Response"), (84, "PD"))) == (
        "overall_response",
        2,
        2,
        0,
        0,
        0,
    )


def test_difference_carries_the_numbers_that_decide_it():
    row = differences(COURSE, told((42, "PR"), (84, "SD"))).row(0, named=True)
    assert (row["day"], row["derived"], row["reported"]) == (84, "PD", "SD")
    assert (row["sum_of_diameters_mm"], row["baseline_mm"], row["nadir_mm"]) == (78.5, 100.0, 65.0)
    assert (row["partial_response_at_mm"], row["progression_at_mm"]) == (70.0, 78.0)
    assert (row["targets"], row["not_evaluable_targets"]) == (1, 0)
    assert row["why"] == "The sum of 78.5 mm has reached 78.0 mm, the nadir of 65.0 mm + 20 % and 5 mm."


@pytest.mark.parametrize(
    ("course", "day", "derived", "reported", "why"),
    [
        (
            lesions((0, "T1", "target", 100), (42, "T1", "target", 71)),
            42,
            "SD",
            "PR",
            "The sum of 71.0 mm lies above 70.0 mm (PR) and below 120.0 mm (PD: nadir 100.0 mm + 20 % and 5 mm); PR would "
            "need 70.0 mm or less.",
        ),
        (
            lesions((0, "T1", "target", 20), (42, "T1", "target", 24)),
            42,
            "SD",
            "PD",
            "The sum of 24.0 mm lies above 14.0 mm (PR) and below 25.0 mm (PD: nadir 20.0 mm + 20 % and 5 mm); PD would "
            "need 25.0 mm, a new lesion or unequivocal progression.",
        ),
        (
            lesions((0, "T1", "target", 50), (0, "T2", "target", 50), (42, "T1", "target", 20), (42, "T2", "target", "not_evaluable")),
            42,
            "NE",
            "PR",
            "1 of 2 targets were not evaluated, and the rest, 20.0 mm, does not prove PD (120.0 mm).",
        ),
        (
            lesions((0, "T1", "target", 50), (0, "T2", "target", 20), (42, "T1", "target", 90), (42, "T2", "target", "not_evaluable")),
            42,
            "PD",
            "NE",
            "The evaluated part of the sum alone, 90.0 mm, has reached 84.0 mm, the nadir of 70.0 mm + 20 % and 5 mm.",
        ),
        (
            lesions((0, "T1", "target", 50), (42, "T1", "target", 20), (42, "W1", "new", 12)),
            42,
            "PD",
            "PR",
            "There is a new lesion.",
        ),
        (
            lesions((0, "T1", "target", 50), (0, "X1", "non_target", "present"), (42, "T1", "target", "absent"), (42, "X1", "non_target", "present")),
            42,
            "PR",
            "CR",
            "Every target is absent, or a node under 10 mm, but the non-targets are NON-CR/NON-PD.",
        ),
        (
            lesions((0, "T1", "target", 50), (42, "T1", "target", "absent"), (84, "T1", "target", 4)),
            84,
            "PD",
            "PR",
            "A target lesion is back after the complete response, which is PD at any size.",
        ),
        (
            lesions((0, "X1", "non_target", "present"), (42, "X1", "non_target", "present")),
            42,
            "NON-CR/NON-PD",
            "SD",
            "There are no target lesions, and the non-targets are NON-CR/NON-PD.",
        ),
    ],
)  # fmt: skip
def test_reason_says_what_decided(course, day, derived, reported, why):
    found = differences(course, told((day, reported))).filter(day=day).row(0, named=True)
    assert (found["derived"], found["reported"], found["why"]) == (derived, reported, why)


@pytest.mark.parametrize(("day", "matched"), [(42, True), (49, True), (35, True), (50, False), (34, False)])
def test_visits_match_within_the_days_allowed(day, matched):
    counts = agreement(COURSE, told((day, "PR"), (84, "PD")))
    assert counts == (("overall_response", 2, 2, 0, 0, 0) if matched else ("overall_response", 1, 1, 0, 1, 1))


def test_exact_day_comes_before_a_near_one_and_each_visit_matches_once():
    course = lesions((0, "T1", "target", 100), (42, "T1", "target", 65), (45, "T1", "target", 100))
    found = differences(course, told((45, "PD"), (47, "PR")))
    assert found.is_empty()


def test_visit_of_one_side_alone_is_listed():
    found = differences(COURSE, told((42, "PR"), (126, "PD")))
    assert found.select("day", "reported_day", "derived", "reported").rows() == [
        (84, None, "PD", None),
        (None, 126, None, "PD"),
    ]
    assert found["why"][0].startswith("No response was reported for this visit; the sum of 78.5 mm")
    assert found["why"][1] == "Reported, but nothing was assessed within the days allowed."


def test_visits_without_a_day_are_listed_one_by_one():
    undated = told((None, "SD"), (None, "PD")).with_columns(pl.Series("visit", ["7", "8"]))
    found = differences(COURSE, pl.concat([told((42, "PR"), (84, "PD")), undated]))
    assert found.select("day", "reported_day", "reported").rows() == [(None, None, "SD"), (None, None, "PD")]


def test_readers_are_compared_apart_without_regard_to_case():
    courses = pl.concat([lesions((0, "T1", "target", 100), (42, "T1", "target", size), reader=reader)
                       for size, reader in ((65, "Reader 1"), (90, "Reader 2"))])  # fmt: skip
    reported = pl.concat([told((42, "PR"), reader="READER 1"), told((42, "PR"), reader=" reader 2")])
    found = differences(courses, reported)
    assert found.select("reader", "derived", "reported").rows() == [("Reader 2", "SD", "PR")]


def test_response_without_a_reader_is_compared_with_every_reader():
    courses = pl.concat([lesions((0, "T1", "target", 100), (42, "T1", "target", size), reader=reader)
                       for size, reader in ((65, "A"), (90, "B"))])  # fmt: skip
    assert differences(courses, told((42, "PR")))["reader"].to_list() == ["B"]


def test_readers_of_the_report_are_compared_with_the_one_set_of_lesions():
    reported = pl.concat([told((42, "PR"), (84, "PD"), reader="A"), told((42, "SD"), (84, "PD"), reader="B")])
    assert differences(COURSE, reported).select("reader", "day").rows() == [("B", 42)]


@pytest.mark.parametrize(
    ("reported", "differs"), [("65.09", False), ("65.1", True), ("64.9", True), ("n.d.", True)]
)
def test_sums_differ_from_a_tenth_of_a_millimetre_on(reported, differs):
    found = differences(COURSE, told((42, reported), item="sum_of_diameters_mm"))
    assert (found.height == 1) is differs


@pytest.mark.parametrize(
    ("item", "reported", "derived"),
    [
        ("best_response", "SD", "PR (confirmed: SD)"),
        ("best_response", "PR", "PR (confirmed: SD)"),
        ("best_response", "CR", "PR (confirmed: SD)"),
        ("confirmed_best_response", "PR", "SD"),
    ],
)
def test_best_response_agrees_with_either_and_a_confirmed_one_with_the_confirmed(item, reported, derived):
    found = differences(COURSE, told((None, reported), item=item))
    agrees = item == "best_response" and reported in ("PR", "SD")
    assert found.select("item", "derived", "reported").rows() == (
        [] if agrees else [(item, derived, reported)]
    )


@settings(max_examples=20, deadline=None)
@given(rows=studies())
def test_what_was_derived_agrees_with_itself_when_it_is_the_report(rows):
    lesion_rows = table(rows)
    visits = responses(lesion_rows)
    own = visits.select(
        "patient_id",
        "reader",
        "day",
        "overall_response",
        "target_response",
        "non_target_response",
        pl.col("new_lesion").cast(pl.String),
        pl.col("sum_of_diameters_mm").cast(pl.String),
    ).unpivot(index=["patient_id", "reader", "day"], variable_name="item", value_name="reported")
    own = own.with_columns(pl.lit(None, dtype=pl.String).alias("visit"))
    best = best_responses(visits)
    found, counts = compare(visits, best, lesion_rows, own.drop_nulls("reported"))
    assert found.is_empty()
    assert counts["agree"].to_list() == counts["compared"].to_list()
