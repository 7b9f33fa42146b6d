"""Readers side by side: who disagrees on what, and what was accepted."""

import polars as pl

from tests.criteria.tables import lesion, table
from turnpoint.criteria.recist.adjudication import adjudication
from turnpoint.criteria.recist.best_response import best_responses
from turnpoint.criteria.recist.visit_response import responses

NO_THERAPY = pl.DataFrame(schema={"patient_id": pl.String, "new_therapy_day": pl.Int64})
DAYS = (0, 42, 84)


def judged(accepted=(), **readers):
    """Each reader's sums on days 0, 42 and 84; `accepted` lists (reader, day)."""
    rows = [
        lesion("T1", day, mm, reader=reader.replace("_", " "))
        for reader, sums in readers.items()
        for day, mm in zip(DAYS, sums, strict=True)
    ]
    lesions = table(rows)
    if accepted:
        yes = pl.DataFrame(accepted, schema=["reader", "day"], orient="row").with_columns(
            accepted=pl.lit("Y")
        )
        lesions = lesions.join(yes, on=["reader", "day"], how="left")
    visits = responses(lesions)
    return adjudication(lesions, visits, best_responses(visits), NO_THERAPY).rows(named=True)


def test_no_row_when_one_reader_judged():
    assert judged(A=(50, 30, 30)) == []


def test_investigator_is_not_one_of_the_independent_readers():
    assert judged(A=(50, 30, 30), INVESTIGATOR=(50, 50, 80)) == []


def test_readers_who_agree_need_no_adjudication():
    assert judged(A=(50, 30, 30), B=(60, 40, 40)) == [
        {
            "patient_id": "P1",
            "readers": "A; B",
            "needs_adjudication": False,
            "differing": "",
            "accepted": None,
            "best_response": "PR",
            "confirmed_best_response": "PR",
            "progression_day": None,
        }
    ]


def test_readers_who_differ_in_the_day_of_progression_need_adjudication():
    (row,) = judged(A=(50, 50, 80), B=(50, 80, 80))
    assert (row["needs_adjudication"], row["differing"]) == (
        True,
        "best_response; confirmed_best_response; progression_day",
    )
    assert (row["accepted"], row["best_response"], row["progression_day"]) == (None, None, None)


def test_only_what_differs_is_named():
    (row,) = judged(A=(50, 50, 80), B=(50, 50, 50))
    assert row["differing"] == "progression_day"


def test_accepted_visits_decide():
    (row,) = judged(accepted=[("A", 0), ("B", 42), ("A", 84)], A=(50, 50, 80), B=(50, 80, 80))
    assert (row["accepted"], row["best_response"], row["progression_day"]) == ("A; B", "PD", 42)


def test_adjudicator_decides_when_nothing_is_flagged():
    (row,) = judged(A=(50, 50, 80), B=(50, 80, 80), ADJUDICATOR=(50, 50, 80))
    assert (row["readers"], row["accepted"]) == ("A; B", "ADJUDICATOR")
    assert (row["best_response"], row["progression_day"]) == ("SD", 84)
