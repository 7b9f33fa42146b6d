"""What must hold for the criteria whatever the study: relabelling, shifting in time, no look ahead, order of sizes."""

import polars as pl
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.criteria.tables import lesion, table
from tests.reference import marker_progression as reference
from turnpoint.criteria.marker_progression import first_progression
from turnpoint.criteria.recist.best_response import best_responses
from turnpoint.criteria.recist.visit_response import responses
from turnpoint.study.markers import MARKERS

AFTER = [21, 42, 84, 126, 168]
sizes = st.sampled_from([3.0, 5.0, 7.0, 9.9, 10.0, 12.0, 14.0, 15.0, 18.0, 20.0, 24.0, 25.0, 30.0, 36.0])
SEEN = {
    "T": st.one_of(sizes, sizes, st.sampled_from(["absent", "too_small", "not_evaluable"]), st.none()),
    "N": st.sampled_from(["present", "absent", "not_evaluable", "unequivocal_progression", None]),
    "X": st.sampled_from([None, None, None, "equivocal", "present"]),
}
ORDER = ["CR", "PR", "SD", "PD"]


@st.composite
def courses(draw, patient="P1", names=("T1", "T2", "N1", "X1")):
    """Rows with every target measured at day -4, and anything after it."""
    days = sorted(draw(st.sets(st.sampled_from(AFTER), min_size=1)))
    rows = []
    for name in names:
        node = name[0] != "X" and draw(st.booleans())
        if name[0] != "X":
            first = draw(st.sampled_from([15.0, 20.0, 30.0])) if name[0] == "T" else "present"
            rows.append(lesion(name, -4, first, node=node, patient=patient))
        for day in days:
            seen = draw(SEEN[name[0]])
            if seen is not None:
                rows.append(lesion(name, day, seen, node=node, patient=patient))
    return rows


def judged(rows):
    return responses(table(rows)).drop("day")


def assert_same(found, expected):
    """Equal but for the last digit: Polars divides by a constant column as a product with its reciprocal."""
    assert_frame_equal(found, expected, rel_tol=1e-12, abs_tol=1e-12)


@settings(max_examples=25, deadline=None)
@given(rows=courses(), days=st.integers(1, 400))
def test_responses_do_not_change_when_all_visits_after_baseline_are_later(rows, days):
    later = [{**row, "day": row["day"] + days if row["day"] > 0 else row["day"]} for row in rows]
    assert_same(judged(later), judged(rows))


@settings(max_examples=25, deadline=None)
@given(rows=courses(), days=st.integers(1, 300))
def test_responses_do_not_change_when_the_baseline_is_earlier(rows, days):
    earlier = [{**row, "day": row["day"] - days if row["day"] < 0 else row["day"]} for row in rows]
    assert_same(judged(earlier), judged(rows))


@settings(max_examples=25, deadline=None)
@given(first=courses(patient="P1"), second=courses(patient="P2"))
def test_a_patients_responses_do_not_depend_on_who_else_is_in_the_study(first, second):
    together = responses(table(second + first))
    assert_same(together, pl.concat([responses(table(first)), responses(table(second))]))
    of_first = best_responses(together).filter(pl.col("patient_id") == "P1")
    assert_same(of_first, best_responses(responses(table(first))))


@settings(max_examples=25, deadline=None)
@given(rows=courses(names=("T1", "T2", "T3", "N1", "N2")))
def test_lesions_may_change_names(rows):
    names = {"T1": "T9", "T2": "T1", "T3": "T2", "N1": "N5", "N2": "N1"}
    renamed = [{**row, "lesion_id": names[row["lesion_id"]]} for row in rows]
    assert_same(judged(renamed), judged(rows))


@settings(max_examples=25, deadline=None)
@given(rows=courses(names=("T1", "T2", "N1", "N2")), last_day=st.sampled_from(AFTER))
def test_responses_never_look_ahead_when_no_lesion_is_equivocal(rows, last_day):
    known = [row for row in rows if row["day"] <= last_day]
    up_to_then = responses(table(rows)).filter(pl.col("day") <= last_day)
    assert_same(responses(table(known)), up_to_then)


@settings(max_examples=25, deadline=None)
@given(
    rows=courses(names=("T1", "T2", "N1")), growth=st.floats(0.5, 40.0), which=st.sampled_from(["T1", "T2"])
)
def test_target_response_never_gets_better_when_a_target_is_larger(rows, growth, which):
    last_day = max(row["day"] for row in rows)

    def is_it(row):
        return (row["lesion_id"], row["day"], row["status"]) == (which, last_day, "measured")

    assume(last_day > 0 and any(is_it(row) for row in rows))
    larger = [{**row, "diameter_mm": row["diameter_mm"] + growth} if is_it(row) else row for row in rows]
    now = responses(table(rows))["target_response"][-1]
    grown = responses(table(larger))["target_response"][-1]
    if now == "NE":
        assert grown in {"NE", "PD"}
    else:
        assert ORDER.index(grown) >= ORDER.index(now)


@settings(max_examples=25, deadline=None)
@given(rows=courses(), others=st.integers(1, 5))
def test_best_response_does_not_change_when_visits_follow_the_first_pd(rows, others):
    found = responses(table(rows))
    last = found.tail(1)
    assume(last["overall_response"].item() == "PD")
    more = [
        last.with_columns(pl.col("day") + 30 * (visit + 1), pl.lit("CR").alias("overall_response"))
        for visit in range(others)
    ]
    assert_same(best_responses(pl.concat([found, *more])), best_responses(found))


marker_visits = st.lists(
    st.tuples(
        st.integers(-60, 200),
        st.sampled_from(
            [0.1, 2.0, 4.0, 5.0, 6.0, 8.0, 10.0, 17.5, 20.0, 25.0, 35.0, 36.0, 70.0, 72.0, 140.0]
        ),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda visit: visit[0],
)


def marker_table(marker, visits, upper_limit):
    return pl.DataFrame(
        [
            ("P1", day, marker, value, upper_limit, "left" if below else "none")
            for day, value, below in visits
        ],
        schema={
            "patient_id": pl.String,
            "day": pl.Int64,
            "marker": pl.String,
            "value": pl.Float64,
            "upper_limit": pl.Float64,
            "censoring": pl.String,
        },
        orient="row",
    )


@settings(max_examples=100, deadline=None)
@given(
    marker=st.sampled_from(["PSA", "CA-125", "CEA"]),
    visits=marker_visits,
    upper_limit=st.sampled_from([None, 10.0, 35.0]),
)
def test_marker_progression_agrees_with_the_reference(marker, visits, upper_limit):
    found = first_progression(marker_table(marker, visits, upper_limit))["progression_day"].to_list()
    expected = reference.progression_day(
        marker,
        visits,
        35.0 if upper_limit is None else upper_limit,
        MARKERS["CEA"].reference_change_pct,
    )
    assert found == ([] if expected is None else [expected])


@settings(max_examples=25, deadline=None)
@given(visits=marker_visits, unit=st.sampled_from([0.25, 2.0, 1024.0]))
def test_marker_progression_does_not_depend_on_the_unit_when_it_is_a_ratio(visits, unit):
    # Powers of two, so that the change of unit itself does not round.
    scaled = [(day, value * unit, below) for day, value, below in visits]
    assert first_progression(marker_table("CEA", scaled, None)).equals(
        first_progression(marker_table("CEA", visits, None))
    )
