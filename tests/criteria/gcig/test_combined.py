"""GCIG combined: the tables of Rustin 2011 with and without measurable disease, row by row.

What CA-125 does over a course, with its upper limit of 35 U/mL, is named in `SERUM`; each course has a scan before
treatment and scans on days 56 and 98 with the same finding.
"""

import polars as pl
import pytest

from tests.criteria.marker_tables import judged, markers_of, series, therapy_of
from tests.criteria.tables import course, table
from turnpoint.criteria.gcig.combined import BEST_RESPONSES_SCHEMA, RESPONSES_SCHEMA, judge

SERUM = {
    "response, normal": {-3: 400, 28: 30, 56: 30, 98: 30},
    "response, not normal": {-3: 400, 28: 150, 56: 150, 98: 150},
    "neither": {-3: 400, 28: 390, 56: 380, 98: 390},
    "progression": {-3: 100, 28: 250, 56: 260, 98: 270},
    "always normal": {-3: 20, 28: 20, 56: 20, 98: 20},
    "raised, not evaluable": {-3: 50, 28: 45, 56: 45, 98: 45},
    "none": {},
}
TARGET = {"CR": "absent", "PR": 30, "SD": 50, "PD": 80, "NE": "not_evaluable"}
NON_TARGET = {
    "CR": "absent",
    "NON-CR/NON-PD": "present",
    "PD": "unequivocal_progression",
    "NE": "not_evaluable",
}


def of(serum, days=(-5,), therapy=None, **lesions):
    rows = course(days, **lesions)
    markers = markers_of(series(serum), "CA-125")
    return judged(judge, markers, therapy_of({"P1": therapy}), lesions=table(rows))


def best(serum, target=None, non_target=None, new=False):
    """Unconfirmed and confirmed best response of such a course."""
    lesions = {}
    if target is not None:
        lesions["T1"] = [50, TARGET[target], TARGET[target]]
    if non_target is not None:
        lesions["N1"] = ["present", NON_TARGET[non_target], NON_TARGET[non_target]]
    if new:
        lesions["X1"] = [None, "present", "present"]
    found = of(SERUM[serum], (-5, 56, 98), **lesions).best_responses.row(0, named=True)
    return found["best_response"], found["confirmed_best_response"]


def test_columns_are_those_of_the_contract():
    found = of(SERUM["neither"], (-5, 56), T1=[50, 50])
    assert dict(found.responses.schema) == RESPONSES_SCHEMA
    assert dict(found.best_responses.schema) == BEST_RESPONSES_SCHEMA
    nothing = of({}, ())
    assert dict(nothing.responses.schema) == RESPONSES_SCHEMA
    assert dict(nothing.best_responses.schema) == BEST_RESPONSES_SCHEMA
    assert nothing.best_responses.is_empty()


# Measurable disease

MEASURABLE = [
    # target, non-target, new, CA-125, best
    ("CR", "CR", False, "response, normal", "CR"),
    ("CR", "CR", False, "always normal", "CR"),
    ("CR", None, False, "response, normal", "CR"),
    ("CR", "NON-CR/NON-PD", False, "response, normal", "PR"),
    ("CR", "NON-CR/NON-PD", False, "neither", "PR"),
    ("CR", "CR", False, "response, not normal", "PR"),
    ("CR", "CR", False, "neither", "PR"),
    ("CR", "CR", False, "raised, not evaluable", "PR"),
    ("CR", "NE", False, "response, not normal", "PR"),
    ("PR", "NON-CR/NON-PD", False, "response, normal", "PR"),
    ("PR", "NON-CR/NON-PD", False, "neither", "PR"),
    ("PR", "NE", False, "neither", "PR"),
    ("NE", "NON-CR/NON-PD", False, "response, not normal", "PR"),
    ("SD", "NON-CR/NON-PD", False, "response, normal", "PR"),
    ("SD", "NON-CR/NON-PD", False, "response, not normal", "PR"),
    ("SD", "NON-CR/NON-PD", False, "neither", "SD"),
    ("SD", "NE", False, "neither", "SD"),
    ("NE", "NE", False, "neither", "SD"),
    ("NE", "NE", False, "always normal", "NE"),
    ("PD", "CR", False, "neither", "PD"),
    ("CR", "PD", False, "neither", "PD"),
    ("CR", "CR", True, "neither", "PD"),
    ("CR", "CR", False, "progression", "PD"),
    ("PR", None, False, "progression", "PD"),
    # No CA-125 at all: RECIST alone.
    ("CR", "CR", False, "none", "CR"),
    ("SD", "NON-CR/NON-PD", False, "none", "SD"),
]


@pytest.mark.parametrize(("target", "non_target", "new", "serum", "label"), MEASURABLE)
def test_best_response_with_measurable_disease_follows_the_table(target, non_target, new, serum, label):
    # Progression by RECIST is on day 56, 28 days after the first response by CA-125.
    assert best(serum, target, non_target, new) == (label, label)


NOT_MEASURABLE = [
    # CA-125, non-target, new, best
    ("response, normal", "CR", False, "CR"),
    ("response, normal", "NON-CR/NON-PD", False, "PR"),
    ("response, normal", "NE", False, "PR"),
    ("response, not normal", "CR", False, "PR"),
    ("response, not normal", "NON-CR/NON-PD", False, "PR"),
    ("neither", "CR", False, "SD"),
    ("neither", "NON-CR/NON-PD", False, "SD"),
    ("neither", "NE", False, "SD"),
    ("progression", "CR", False, "PD"),
    ("neither", "PD", False, "PD"),
    ("neither", "CR", True, "PD"),
    # Not evaluable by CA-125: RECIST, whose CR wants a normal marker.
    ("always normal", "CR", False, "CR"),
    ("raised, not evaluable", "CR", False, "NON-CR/NON-PD"),
    ("always normal", "NON-CR/NON-PD", False, "NON-CR/NON-PD"),
    ("always normal", "NE", False, "NE"),
    ("none", "NON-CR/NON-PD", False, "NON-CR/NON-PD"),
]


@pytest.mark.parametrize(("serum", "non_target", "new", "label"), NOT_MEASURABLE)
def test_best_response_without_measurable_disease_follows_the_table(serum, non_target, new, label):
    assert best(serum, None, non_target, new) == (label, label)


def test_no_response_but_normalised_is_sd_without_measurable_disease():
    # Normal only once, on the last day: a response that is not confirmed.
    found = of({-3: 400, 28: 390, 98: 30}, (-5, 98), N1=["present", "present"]).best_responses
    assert found["best_response"].item() == "SD"


@pytest.mark.parametrize(
    ("serum", "label"),
    [
        ("response, normal", "CR"),
        ("response, not normal", "PR"),
        ("neither", "SD"),
        ("progression", "PD"),
        ("always normal", "NE"),
    ],
)
def test_patient_without_lesions_is_judged_by_ca_125_alone(serum, label):
    found = of(SERUM[serum], ()).best_responses.row(0, named=True)
    assert (found["best_response"], found["confirmed_best_response"]) == (label, label)
    assert found["evaluable_by"] == (None if serum == "always normal" else "CA-125")


# Progression, and a response before it


@pytest.mark.parametrize(("day", "label"), [(57, "PR"), (56, "PD")])
def test_response_by_ca_125_counts_when_recist_progresses_more_than_28_days_later(day, label):
    found = of({-3: 400, 28: 150, 84: 150}, (-5, day), T1=[50, 80]).best_responses.row(0, named=True)
    assert (found["best_response"], found["confirmed_best_response"]) == (label, label)
    assert found["response_day"] == (28 if label == "PR" else None)
    assert (found["progression_day"], found["progression_by"]) == (day, "RECIST 1.1")
    assert ("28 days before progression" in found["reason"]) is (label == "PD")


def test_response_by_ca_125_after_progression_by_recist_does_not_count():
    found = of({-3: 400, 21: 390, 70: 100, 110: 90}, (-5, 42), T1=[50, 80]).best_responses
    assert found["best_response"].item() == "PD"


@pytest.mark.parametrize(
    ("rise_day", "scan_day", "progression"),
    [
        (70, 98, (70, "CA-125")),
        (98, 70, (70, "RECIST 1.1")),
        (70, 70, (70, "RECIST 1.1 and CA-125")),
    ],
)
def test_progression_is_the_first_by_either(rise_day, scan_day, progression):
    serum = {-3: 100, 42: 90, rise_day: 250, rise_day + 7: 260}
    found = of(serum, (-5, 42, scan_day), T1=[50, 50, 80])
    row = found.best_responses.row(0, named=True)
    assert (row["progression_day"], row["progression_by"]) == progression
    survival = found.progression_free.row(0, named=True)
    assert (survival["progression_free_days"], survival["event"]) == (70, True)


def test_response_by_recist_after_progression_by_ca_125_does_not_count():
    found = of(SERUM["progression"], (-5, 20, 98), T1=[50, 50, 20]).best_responses.row(0, named=True)
    assert (found["best_response"], found["progression_day"]) == ("PD", 28)


# Dates, alignment, confirmation


@pytest.mark.parametrize(("scan_day", "day"), [(20, 20), (56, 28)])
def test_response_day_is_the_earlier_of_the_two(scan_day, day):
    found = of(SERUM["response, not normal"], (-5, scan_day, 98), T1=[50, 30, 30]).best_responses
    assert found["response_day"].item() == day


@pytest.mark.parametrize(("day", "label"), [(84, "CR"), (85, "PR"), (28, "CR"), (27, "PR")])
def test_scan_is_read_beside_a_sample_at_most_28_days_away(day, label):
    serum = {-3: 400, day: 30}
    found = of(serum, (-5, 56), T1=[50, "absent"]).best_responses
    assert found["best_response"].item() == label


def test_scan_is_read_beside_the_nearest_sample():
    raised_later = {-3: 400, 50: 30, 63: 90}
    raised_before = {-3: 400, 49: 90, 62: 30}
    assert of(raised_later, (-5, 56), T1=[50, "absent"]).best_responses["best_response"].item() == "CR"
    assert of(raised_before, (-5, 56), T1=[50, "absent"]).best_responses["best_response"].item() == "CR"
    assert of(raised_before, (-5, 55), T1=[50, "absent"]).best_responses["best_response"].item() == "PR"


def test_scan_is_read_beside_the_later_of_two_samples_as_near():
    for earlier, later, label in ((90, 30, "CR"), (30, 90, "PR")):
        found = of({-3: 400, 49: earlier, 63: later}, (-5, 56), T1=[50, "absent"]).best_responses
        assert found["best_response"].item() == label


def test_what_the_other_found_last_holds_on():
    found = of({-3: 400, 28: 150, 70: 140}, (-5, 56), T1=[50, 50]).responses
    assert found.select("day", "recist_response", "ca_125_response", "overall_response").rows() == [
        (-5, None, None, None),
        (-3, None, None, None),
        (28, None, "PR", "PR"),
        (56, "SD", "PR", "PR"),
        (70, "SD", "PR", "PR"),
    ]


def test_response_by_recist_is_confirmed_by_a_scan_and_not_by_a_sample():
    found = of({-3: 400, 42: 390, 84: 390}, (-5, 42), T1=[50, 30]).best_responses.row(0, named=True)
    assert (found["best_response"], found["confirmed_best_response"]) == ("PR", "SD")


def test_complete_response_with_normal_ca_125_at_one_scan_only_is_a_confirmed_pr():
    found = of({-3: 400, 56: 30, 98: 60}, (-5, 56, 98), T1=[50, "absent", "absent"]).best_responses
    assert found.select("best_response", "confirmed_best_response").row(0) == ("CR", "PR")


@pytest.mark.parametrize(("day", "label"), [(42, "SD"), (41, "PD")])
def test_stable_disease_with_lesions_must_have_lasted(day, label):
    found = of({-3: 400, day: 390}, (-5, day, 70), T1=[50, 50, 80]).best_responses
    assert found["best_response"].item() == label


@pytest.mark.parametrize(("day", "label"), [(42, "SD"), (41, "PD")])
def test_stable_ca_125_beside_lesions_must_have_lasted(day, label):
    found = of({-3: 400, day: 390}, (-5, 42, 70), T1=[50, "not_evaluable", 80]).best_responses
    # The sample of day 41 holds on at the scan of day 42, unless there is none.
    alone = of({-3: 400, day: 390}, (-5, 70), T1=[50, 80]).best_responses
    assert found["best_response"].item() == "SD"
    assert alone["best_response"].item() == label


def test_response_of_ca_125_that_does_not_count_makes_no_complete_response():
    lesions = {"N1": ["present", "absent", "absent"], "X1": [None, None, "present"]}
    found = of(SERUM["response, normal"], (-5, 45, 56), **lesions).best_responses
    assert found["best_response"].item() == "SD"
    later = of(SERUM["response, normal"], (-5, 45, 57), **lesions).best_responses
    assert later["best_response"].item() == "CR"


@pytest.mark.parametrize(("therapy", "label"), [(55, "NE"), (56, "PR")])
def test_visit_after_a_new_therapy_does_not_count(therapy, label):
    found = of({-3: 400}, (-5, 56), therapy, T1=[50, 30])
    assert found.best_responses["best_response"].item() == label
    assert found.responses["overall_response"].to_list()[-1] == ("PR" if label == "PR" else None)


def test_readers_are_judged_apart_with_the_same_ca_125():
    rows = [
        *course((-5, 56), T1=[50, "absent"], reader="A"),
        *course((-5, 56), T1=[50, 80], reader="B"),
    ]
    markers = markers_of(series(SERUM["always normal"]), "CA-125")
    found = judged(judge, markers, lesions=table(rows)).best_responses
    assert found.select("reader", "best_response", "progression_day").rows() == [
        ("A", "CR", None),
        ("B", "PD", 56),
    ]


def test_patients_are_judged_apart():
    rows = [*course((-5, 56, 98), T1=[50, 30, 30]), *course((-5, 56, 98), T1=[50, 80, 80], patient="P2")]
    serum = [*series(SERUM["neither"]), *series(SERUM["response, normal"], patient="P3")]
    found = judged(judge, markers_of(serum, "CA-125"), lesions=table(rows)).best_responses
    assert found.select("patient_id", "best_response", "evaluable_by").rows() == [
        ("P1", "PR", "RECIST 1.1 and CA-125"),
        ("P2", "PD", "RECIST 1.1"),
        ("P3", "CR", "CA-125"),
    ]
    assert found["evaluable"].to_list() == [True, True, True]
    assert found.filter(pl.col("patient_id") == "P3")["reader"].to_list() == [None]
