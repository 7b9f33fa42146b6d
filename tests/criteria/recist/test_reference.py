"""The vectorised criteria against the row-by-row reference, on studies that Hypothesis makes up."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.criteria.tables import lesion, table
from tests.reference.recist import course_best_response, course_responses
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.criteria.recist.best_response import best_responses
from turnpoint.criteria.recist.visit_response import responses

LABELS = ["CR", "PR", "SD", "NON-CR/NON-PD", "PD", "NE"]
# Sizes that meet the thresholds exactly are as likely as others.
sizes = st.sampled_from(
    [3.0, 4.9, 7.0, 9.9, 10.0, 10.5, 12.0, 14.4, 15.0, 18.0, 20.0, 21.0, 25.0, 30.0, 36.0]
)
target_seen = st.one_of(
    sizes, sizes, sizes, st.sampled_from(["absent", "absent", "too_small", "not_evaluable"]), st.none()
)
non_target_seen = st.sampled_from(
    ["present", "present", "absent", "absent", "not_evaluable", "unequivocal_progression", None, 8.0, 12.0]
)
new_seen = st.sampled_from([None, None, None, "equivocal", "absent", "present"])
SEEN = {"T": target_seen, "N": non_target_seen, "X": new_seen}
DAYS = [-20, -4, 0, 3, 42, 84, 126, 168]


@st.composite
def courses(draw, patient, reader):
    days = sorted(draw(st.sets(st.sampled_from(DAYS), min_size=1, max_size=7)))
    rows = []
    for name in ("T1", "T2", "T3", "N1", "N2", "X1", "X2"):
        node = draw(st.booleans()) and name[0] != "X"
        if draw(st.integers(0, 2)) == 0:
            continue
        for day in days:
            seen = draw(SEEN[name[0]])
            if seen is not None:
                rows.append(lesion(name, day, seen, node=node, patient=patient, reader=reader))
    # Pieces of a split T1 and the masses that T2 or T1 and T3 became, at visits after the baseline.
    for name in ("T1.1", "T1.2", "T2/T3", "T1/T3"):
        node = draw(st.booleans())
        for day in days:
            seen = draw(st.one_of(st.none(), target_seen)) if day > 0 else None
            if seen is not None:
                rows.append(lesion(name, day, seen, node=node, patient=patient, reader=reader))
    return rows


@st.composite
def studies(draw):
    readers = draw(st.sampled_from([[None], ["A", "B"]]))
    return [row for patient in ("P1", "P2") for reader in readers for row in draw(courses(patient, reader))]


@settings(max_examples=150, deadline=None)
@given(rows=studies(), order=st.randoms(use_true_random=False))
def test_responses_agree_with_the_reference(rows, order):
    order.shuffle(rows)
    found = responses(table(rows))
    keys = sorted(
        {(row["patient_id"], row["reader"]) for row in rows}, key=lambda key: (key[0], key[1] or "")
    )
    expected = [
        {"patient_id": patient, "reader": reader, **visit}
        for patient, reader in keys
        for visit in course_responses(
            [row for row in rows if (row["patient_id"], row["reader"]) == (patient, reader)]
        )
    ]
    assert found.height == len(expected)
    for row, wanted in zip(found.iter_rows(named=True), expected, strict=True):
        for name, value in wanted.items():
            assert row[name] == (pytest.approx(value) if isinstance(value, float) else value), name


visit_lists = st.lists(st.tuples(st.integers(7, 49), st.sampled_from(LABELS)), max_size=8)


@settings(max_examples=300, deadline=None)
@given(
    data=st.lists(visit_lists, min_size=1, max_size=3),
    therapy=st.one_of(st.none(), st.integers(20, 200)),
    not_evaluable=st.integers(0, 2),
    stable=st.integers(0, 2),
)
def test_best_responses_agree_with_the_reference(data, therapy, not_evaluable, stable):
    rows, expected = [], []
    for number, steps in enumerate(data, start=1):
        patient, day, visits = f"P{number}", 0, []
        for gap, overall in steps:
            day += gap
            visits.append((day, overall))
        rows += [(patient, None, -1, None), *((patient, None, *visit) for visit in visits)]
        options = {"most_not_evaluable_between": not_evaluable, "most_stable_between": stable}
        own = course_best_response(visits, therapy if number == 1 else None, **options)
        expected.append({"patient_id": patient, "reader": None, **own})
    schema = {"patient_id": pl.String, "reader": pl.String, "day": pl.Int64, "overall_response": pl.String}
    new_therapy = pl.DataFrame({"patient_id": ["P1"], "new_therapy_day": [therapy]}).drop_nulls()
    rules = ProtocolRules(most_not_evaluable_between=not_evaluable, most_stable_between=stable)
    found = best_responses(pl.DataFrame(rows, schema=schema, orient="row"), new_therapy, rules)
    assert found.rows(named=True) == expected
