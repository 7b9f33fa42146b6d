"""PCWG3 PSA against the row-by-row reference, on courses that Hypothesis makes up."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.criteria.marker_tables import judged, markers_of, therapy_of
from tests.reference.pcwg3_psa import course_responses
from turnpoint.criteria.pcwg3 import psa

VALUES = [0.1, 1.0, 2.0, 2.1, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.5, 16.0, 20.0, 25.0, 40.0, 50.0]
DAYS = [-30, -3, 0, 14, 28, 48, 49, 63, 69, 70, 83, 84, 85, 98, 99, 105, 106, 126, 147, 168]
values = st.lists(
    st.tuples(
        st.sampled_from(DAYS),
        st.sampled_from(VALUES),
        st.sampled_from(["none", "none", "none", "none", "left", "right"]),
    ),
    min_size=1,
    max_size=9,
    unique_by=lambda value: value[0],
)


@settings(max_examples=80, deadline=None)
@given(
    courses=st.lists(st.tuples(values, st.one_of(st.none(), st.integers(1, 168))), min_size=1, max_size=2),
    order=st.randoms(use_true_random=False),
)
def test_pcwg3_psa_agrees_with_the_reference(courses, order):
    named = {f"P{i}": course for i, course in enumerate(courses)}
    rows = [(name, *value, None) for name, course in named.items() for value in course[0]]
    order.shuffle(rows)
    found = judged(
        psa.judge,
        markers_of(rows, "PSA"),
        therapy_of({name: course[1] for name, course in named.items()}),
    )
    for name, (series, therapy) in named.items():
        labels, best = course_responses(series, therapy)
        own = found.responses.filter(pl.col("patient_id") == name)
        assert own["overall_response"].to_list() == labels
        row = found.best_responses.filter(pl.col("patient_id") == name).row(0, named=True)
        for key, wanted in best.items():
            assert row[key] == (pytest.approx(wanted) if isinstance(wanted, float) else wanted), key
        assert row["reason"]
