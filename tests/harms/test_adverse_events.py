import polars as pl
import pytest

from turnpoint.harms.adverse_events import adverse_events, events_by_cycle
from turnpoint.harms.cycles import CYCLES_SCHEMA

CYCLES = pl.DataFrame(
    {
        "patient_id": "P1", "cycle": [1, 2], "first_day": [0, 21], "end_day": [21.0, 42.0],
        "cycle_days": 21.0, "dose_days": 1,
    },
    schema=CYCLES_SCHEMA,
)  # fmt: skip
LAST = pl.DataFrame({"patient_id": ["P1"], "last_day": [40]})


def events(*rows):
    schema = {
        "patient_id": pl.String,
        "day": pl.Int64,
        "end_day": pl.Int64,
        "term": pl.String,
        "grade": pl.Int64,
    }
    frame = pl.DataFrame([("P1", *row) for row in rows], schema=schema, orient="row")
    return frame.with_row_index("source_row", offset=2).with_columns(pl.col("source_row").cast(pl.Int64))


@pytest.mark.parametrize(
    ("end", "grade", "flagged"),
    [(None, 2, True), (None, 1, False), (40, 3, False), (41, 3, True), (12, 4, False)],
)
def test_event_is_flagged_when_grade_2_or_more_has_not_ended_by_the_last_recorded_day(end, grade, flagged):
    found = adverse_events(events((10, end, "Nausea", grade)), CYCLES, LAST)
    assert found["flagged"].item() is flagged


def test_worst_grade_and_rate_are_those_of_the_term():
    found = adverse_events(
        events((3, 5, "Nausea", 1), (24, 26, "Nausea", 3), (30, None, "Nausea", 1), (5, 6, "Fatigue", 2)),
        CYCLES,
        LAST,
    )
    nausea = found.row(0, named=True)
    assert (nausea["term"], nausea["worst_grade"], nausea["worst_grade_day"]) == ("Nausea", 3, 24)
    assert nausea["events_per_cycle"] == pytest.approx(1.5)
    assert (nausea["events_without_end"], nausea["unresolved_grade"], nausea["flagged"]) == (1, 1, False)


def test_events_are_counted_in_the_cycle_in_which_they_begin():
    found = events_by_cycle(events((-4, 0, "Pain", 1), (20, 30, "Nausea", 1), (21, 22, "Nausea", 3)), CYCLES)
    assert found.select("cycle", "events", "worst_grade").rows() == [(0, 1, 1), (1, 1, 1), (2, 1, 3)]


def test_cycle_without_events_has_a_row_with_none():
    found = events_by_cycle(events((22, 23, "Nausea", 2)), CYCLES)
    assert found.select("cycle", "events", "worst_grade").rows() == [(1, 0, None), (2, 1, 2)]
