"""GCIG CA-125 against the row-by-row reference, on courses that Hypothesis makes up."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.criteria.marker_tables import events_of, judged, markers_of, therapy_of
from tests.reference.gcig_ca_125 import course_responses
from turnpoint.criteria.gcig import ca_125

# Values that meet the thresholds exactly are as likely as others.
VALUES = [
    4.0,
    17.5,
    30.0,
    35.0,
    36.0,
    38.5,
    50.0,
    55.0,
    60.5,
    70.0,
    72.0,
    77.0,
    100.0,
    110.0,
    140.0,
    200.0,
    400.0,
]
DAYS = [-40, -15, -14, -3, 0, 5, 12, 13, 21, 28, 33, 34, 40, 41, 49, 56, 61, 62, 84, 90]
samples = st.lists(
    st.tuples(
        st.sampled_from(DAYS),
        st.sampled_from(VALUES),
        st.sampled_from(["none", "none", "none", "none", "left", "right"]),
        st.sampled_from([35.0, 35.0, 35.0, 30.0]),
    ),
    min_size=1,
    max_size=9,
    unique_by=lambda sample: sample[0],
)
therapies = st.one_of(st.none(), st.integers(1, 90))
interventions = st.one_of(
    st.just(()),
    st.tuples(st.tuples(st.integers(-50, 80), st.integers(0, 20))).map(
        lambda found: tuple((start, start + length) for start, length in found)
    ),
)


@settings(max_examples=80, deadline=None)
@given(
    courses=st.lists(st.tuples(samples, therapies, interventions), min_size=1, max_size=2),
    order=st.randoms(use_true_random=False),
)
def test_gcig_ca_125_agrees_with_the_reference(courses, order):
    named = {f"P{i}": course for i, course in enumerate(courses)}
    rows = [(name, *sample) for name, course in named.items() for sample in course[0]]
    order.shuffle(rows)
    found = judged(
        ca_125.judge,
        markers_of(rows, "CA-125"),
        therapy_of({name: course[1] for name, course in named.items()}),
        events_of({name: course[2] for name, course in named.items()}),
    )
    for name, (series, therapy, done) in named.items():
        visits, best = course_responses(series, therapy, done)
        own = found.responses.filter(pl.col("patient_id") == name)
        for row, wanted in zip(own.iter_rows(named=True), visits, strict=True):
            assert {key: row[key] for key in wanted} == wanted
        row = found.best_responses.filter(pl.col("patient_id") == name).row(0, named=True)
        assert {key: row[key] for key in best} == best
        assert row["reason"]
