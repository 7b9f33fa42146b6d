"""Best response by iRECIST: table 3 of Seymour 2017 row by row, and both sides of every threshold."""

import polars as pl
import pytest

from turnpoint.criteria.irecist.best_response import best_responses
from turnpoint.criteria.protocol import ProtocolRules


def best(visits, therapy=None, **rules):
    """Best response of `(day, response)` visits after a baseline."""
    schema = {"patient_id": pl.String, "reader": pl.String, "day": pl.Int64, "overall_response": pl.String}
    rows = [("P1", None, 0, None), *(("P1", None, *visit) for visit in visits)]
    new_therapy = pl.DataFrame({"patient_id": ["P1"], "new_therapy_day": [therapy]}).drop_nulls()
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return best_responses(frame, new_therapy, ProtocolRules(**rules)).row(0, named=True)


# Table 3: best overall response


@pytest.mark.parametrize(
    ("visits", "response"),
    [
        (["iCR", "iCR", "iPR", "iUPD", "iCPD"], "iCR"),
        (["iCR", "iUPD", "NE", "iUPD", "iCPD"], "iCR"),
        (["iUPD", "iPR", "iCR", "iCR", "iUPD"], "iCR"),
        (["iUPD", "NE", "iCR", "iUPD", "iCPD"], "iCR"),
        (["iUPD", "iPR", "iPR", "iPR", "iUPD"], "iPR"),
        (["iUPD", "iPR", "iUPD", "iCPD", "NE"], "iPR"),
        (["iUPD", "iSD", "iPR", "iUPD", "iCPD"], "iPR"),
        (["iUPD", "NE", "iPR", "NE", "NE"], "iPR"),
        (["iUPD", "iSD", "iSD", "iUPD", "iCPD"], "iSD"),
        (["iUPD", "iSD", "NE", "iSD", "iUPD"], "iSD"),
        (["iUPD", "iCPD", "iCR", "iCR", "iCR"], "iCPD"),
        (["iUPD", "iUPD", "iCPD", "iPR", "iPR"], "iCPD"),
        (["iUPD", "NE", "NE", "NE", "NE"], "iUPD"),
        (["NON-iCR/NON-iUPD", "iUPD", "iUPD", "NE", "NE"], "NON-iCR/NON-iUPD"),
        (["NE", "NE"], "NE"),
        ([], "NE"),
    ],
)
def test_best_response_is_that_of_table_3(visits, response):
    found = best([(42 * (place + 1), label) for place, label in enumerate(visits)])
    assert found["best_response"] == response


# Best response


def test_progression_day_is_that_of_the_first_iupd_of_the_confirmed_sequence():
    found = best([(42, "iSD"), (84, "iUPD"), (126, "NE"), (168, "iUPD"), (210, "iCPD")])
    assert (found["progression_day"], found["unconfirmed_progression_day"]) == (84, None)
    found = best([(42, "iUPD"), (84, "iPR"), (126, "iUPD"), (168, "iCPD")])
    assert (found["progression_day"], found["unconfirmed_progression_day"]) == (126, 42)
    found = best([(42, "iUPD"), (84, "iUPD"), (126, "iSD"), (168, "iUPD")])
    assert (found["progression_day"], found["unconfirmed_progression_day"]) == (None, 42)


@pytest.mark.parametrize(("therapy", "response", "day"), [(83, "iUPD", None), (84, "iCPD", 42)])
def test_nothing_after_a_new_therapy_counts(therapy, response, day):
    found = best([(42, "iUPD"), (84, "iCPD")], therapy=therapy)
    assert found["best_response"] == response
    assert found["progression_day"] == day
    assert found["unconfirmed_progression_day"] == (None if day else 42)
    assert found["last_evaluable_day"] == (84 if day else 42)


@pytest.mark.parametrize(("day", "response"), [(41, "iCPD"), (42, "iSD")])
def test_isd_must_have_lasted(day, response):
    assert best([(day, "iSD"), (84, "iUPD"), (126, "iCPD")])["best_response"] == response


def test_isd_that_did_not_last_is_iupd_when_the_progression_was_not_confirmed():
    assert best([(30, "iSD"), (60, "iUPD")])["best_response"] == "iUPD"
    assert best([(30, "iSD")])["best_response"] == "NE"


@pytest.mark.parametrize(
    ("visits", "confirmed"),
    [
        ([(42, "iPR"), (70, "iPR")], "iPR"),
        ([(42, "iPR"), (69, "iPR")], "iSD"),
        ([(42, "iPR"), (84, "NE"), (126, "iPR")], "iPR"),
        ([(42, "iPR"), (84, "iUPD"), (126, "iPR")], "iSD"),
        ([(42, "iUPD"), (84, "iPR"), (126, "iPR")], "iPR"),
        ([(42, "iCR"), (84, "iCR"), (126, "iUPD"), (168, "iCPD")], "iCR"),
        ([(42, "iCR"), (84, "iUPD"), (126, "iCPD")], "iSD"),
        ([(20, "iPR"), (62, "iUPD"), (104, "iCPD")], "iCPD"),
    ],
)
def test_confirmed_best_response_needs_a_second_visit_with_no_iupd_between(visits, confirmed):
    assert best(visits)["confirmed_best_response"] == confirmed


def test_iupd_is_an_evaluable_visit():
    assert best([(42, "iUPD"), (84, "NE")])["last_evaluable_day"] == 42
